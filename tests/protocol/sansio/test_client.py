from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ether_protocol import (
    ClientConnection,
    Command,
    LocalProtocolError,
    Message,
    RemoteProtocolError,
)
from ether_protocol.wire.codec import encode
from ether_protocol.wire.constants import MAX_PAYLOAD_BYTES
from protocol.samples import REPLIES, REQUESTS, Sample, each
from protocol.sansio.wires import CUTS, WIRES, pieces
from protocol.transcript import bytewise, lines, v2


def _asked(sample: Sample) -> ClientConnection:
    """A connection that waits for the reply that `sample` is."""
    connection = ClientConnection()
    connection.send(replace(sample.to))
    return connection


@each(REQUESTS)
def test_a_client_sends_the_bytes_of_the_specification(sample: Sample) -> None:
    buffers = ClientConnection().send(replace(sample.message, request_id=0))

    assert b"".join(buffers) == sample.wire


@each(REPLIES)
def test_a_client_takes_a_whole_reply(sample: Sample) -> None:
    connection = _asked(sample)
    assert connection.outstanding == 1

    assert connection.receive_data(sample.wire) == [sample.message]
    assert connection.outstanding == 0


@each(REPLIES)
def test_a_client_takes_a_reply_byte_by_byte(sample: Sample) -> None:
    connection = _asked(sample)
    taken = [connection.receive_data(byte) for byte in bytewise(sample.wire)]

    assert taken[-1] == [sample.message]
    assert not any(taken[:-1])


@each(REPLIES)
def test_a_client_keeps_what_comes_behind_a_reply(sample: Sample) -> None:
    connection = _asked(sample)
    connection.send(Message(Command.PING))
    pong = encode(Message(Command.PONG, request_id=1 if sample.message.version == 1 else 2))

    assert connection.receive_data(sample.wire + pong[:-1]) == [sample.message]
    assert lines(connection.receive_data(pong[-1:]))[0].startswith("PONG #")


@each(REPLIES)
def test_a_client_makes_nothing_of_a_truncated_reply(sample: Sample) -> None:
    for end in range(len(sample.wire)):
        connection = _asked(sample)
        assert connection.receive_data(sample.wire[:end]) == []
        assert connection.outstanding == 1


@each(REPLIES)
def test_a_client_takes_a_truncated_reply_once_it_is_finished(sample: Sample) -> None:
    for at in range(len(sample.wire) + 1):
        connection = _asked(sample)
        first = connection.receive_data(sample.wire[:at])
        assert first + connection.receive_data(sample.wire[at:]) == [sample.message]


@each(REQUESTS)
def test_a_client_refuses_requests_as_replies(sample: Sample) -> None:
    connection = ClientConnection()
    connection.send(Message(Command.PING))

    with pytest.raises(RemoteProtocolError, match="is not a reply"):
        connection.receive_data(sample.wire)


def test_a_client_numbers_its_requests_and_wraps_past_0() -> None:
    connection = ClientConnection()
    requests = [Message(Command.PING) for _ in range(3)]
    for request in requests:
        connection.send(request)
    assert [request.request_id for request in requests] == [1, 2, 3]

    connection._last_id = 2**32 - 2
    for request in requests:
        connection.send(request)
    assert [request.request_id for request in requests] == [2**32 - 1, 1, 2]


def test_a_client_sends_a_large_payload_without_copying_it() -> None:
    payload = bytes(1_000_000)

    header, sent = ClientConnection().send(Message(Command.WRITE, 1, payload=payload))

    assert len(header) == 40
    assert isinstance(sent, memoryview)
    assert sent.obj is payload


def test_a_client_does_not_send_replies() -> None:
    connection = ClientConnection()
    for command in (Command.OK, Command.ERROR, Command.PONG):
        with pytest.raises(LocalProtocolError, match=f"{command.name} is not a request"):
            connection.send(Message(command))
    assert connection.outstanding == 0


def test_a_request_that_has_no_form_leaves_nothing_outstanding() -> None:
    connection = ClientConnection()
    with pytest.raises(LocalProtocolError):
        connection.send(Message(Command.READ, 1, -1))

    assert connection.outstanding == 0
    connection.send(Message(Command.PING))
    assert lines(connection.receive_data(encode(Message(Command.PONG, request_id=2)))) == [
        "PONG #2"
    ]


READ_5 = Message(Command.READ, 1, 5)


@pytest.mark.parametrize(
    ("request_", "reply", "complaint"),
    [
        (READ_5, b"HTTP/1.1 400 Bad Request\r\n", "does not speak"),
        (READ_5, b"\xe7\xe7\xe7\xe7\x03" + bytes(19), "answered in version 3"),
        (READ_5, v2(Command.OK, request_id=2), "came where OK to #1 was due"),
        (READ_5, v2(Command.OK, version=1), "came where OK to #1 was due"),
        (READ_5, v2(Command.PONG, request_id=1), "came where OK to #1 was due"),
        (Message(Command.PING), v2(Command.OK, request_id=1), "came where PONG to #1 was due"),
        (Message(Command.PING), v2(Command.ERROR, request_id=2), "came where PONG to #1 was due"),
        (READ_5, v2(Command.OK, request_id=1, payload=b"longer"), "6 bytes for 5 asked"),
        (
            READ_5,
            v2(Command.OK, request_id=1)[:-4] + (MAX_PAYLOAD_BYTES + 1).to_bytes(4, "big"),
            "announces 16777217 payload bytes",
        ),
        (None, v2(Command.PONG, request_id=1), "answers no request"),
    ],
    ids=[
        "no magic",
        "another version",
        "another id",
        "the other version",
        "PONG to READ",
        "OK to PING",
        "ERROR to another",
        "more than asked",
        "above the limit",
        "nothing asked",
    ],
)
def test_a_reply_that_fits_no_request_ends_the_connection(
    request_: Message | None, reply: bytes, complaint: str
) -> None:
    connection = ClientConnection()
    if request_ is not None:
        connection.send(replace(request_))

    with pytest.raises(RemoteProtocolError, match=complaint):
        connection.receive_data(reply)
    with pytest.raises(RemoteProtocolError, match=complaint):
        connection.receive_data(b"")


def test_an_error_is_taken_in_any_version_and_without_an_id() -> None:
    for error in (
        Message(Command.ERROR, version=1, code=3),
        Message(Command.ERROR, payload=b"\0\x0c"),
        Message(Command.ERROR, payload=b"\0\x0c", request_id=1),
    ):
        connection = ClientConnection()
        connection.send(Message(Command.ALLOC, size=1))

        assert connection.receive_data(encode(error)) == [error]


def test_whole_replies_come_out_before_the_error_behind_them() -> None:
    connection = ClientConnection()
    connection.send(Message(Command.PING))
    connection.send(Message(Command.PING))

    replies = connection.receive_data(encode(Message(Command.PONG, request_id=1)) + b"rubbish")

    assert lines(replies) == ["PONG #1"]
    with pytest.raises(RemoteProtocolError, match="does not speak"):
        connection.receive_data(b"")


# The caller's buffer.


def test_a_reply_is_received_into_the_callers_buffer() -> None:
    target = bytearray(8)
    connection = ClientConnection()
    connection.send(Message(Command.READ, 1, 8), memoryview(target))

    (reply,) = connection.receive_data(v2(Command.OK, request_id=1, size=5, payload=b"hello"))

    assert target == b"hello\0\0\0"
    assert reply.payload == b"hello"


def test_a_reply_too_long_for_the_callers_buffer_gets_its_own() -> None:
    target = bytearray(4)
    connection = ClientConnection()
    connection.send(Message(Command.READ, 1, 8), memoryview(target))

    (reply,) = connection.receive_data(v2(Command.OK, request_id=1, size=5, payload=b"hello"))

    assert target == bytes(4)
    assert reply.payload == b"hello"


def test_an_error_is_not_received_into_the_callers_buffer() -> None:
    target = bytearray(8)
    connection = ClientConnection()
    connection.send(Message(Command.READ, 1, 8), memoryview(target))

    connection.receive_data(v2(Command.ERROR, request_id=1, payload=b"\0\7gone"))

    assert target == bytes(8)


# Any bytes, cut anywhere.


@given(
    samples=st.lists(st.sampled_from([s for s in REPLIES if s.message.version == 2]), max_size=5),
    rubbish=st.one_of(st.just(b""), WIRES),
    keep=st.integers(0, 400),
    cuts=CUTS,
)
def test_a_client_makes_the_same_of_any_bytes_however_they_are_cut(
    samples: list[Sample], rubbish: bytes, keep: int, cuts: list[int]
) -> None:
    replies = [replace(s.message, request_id=number) for number, s in enumerate(samples, 1)]
    wire = b"".join(encode(reply) for reply in replies)
    damaged = wire[:keep] + rubbish

    whole = _heard(samples, [damaged])

    assert _heard(samples, pieces(damaged, cuts)) == whole
    if damaged == wire:
        assert whole == lines(replies)


def _heard(samples: list[Sample], pieces: list[bytes]) -> list[str]:
    """What a client that waits for `samples` takes from `pieces`, and how it ends."""
    connection = ClientConnection()
    for sample in samples:
        connection.send(replace(sample.to))
    heard: list[str] = []
    try:
        for piece in [*pieces, b""]:
            heard += lines(connection.receive_data(piece))
    except RemoteProtocolError as error:
        heard.append(f"{type(error).__name__}: {error}")
    return heard


# Long payloads are received where they stay.


def test_in_front_of_a_long_payload_only_its_header_is_asked_for() -> None:
    client = ClientConnection()
    client.send(Message(Command.READ, 1, 100_000))
    reply = Message(Command.OK, 1, 100_000, payload=b"x" * 100_000, request_id=1)
    data = encode(reply)

    assert len(client.get_buffer()) == 40
    client.get_buffer()[:30] = data[:30]
    client.received(30)
    assert client.next_reply() is None
    assert client.payload_due == 0
    assert len(client.get_buffer()) == 10
    client.get_buffer()[:] = data[30:40]
    client.received(10)
    assert client.next_reply() is None
    assert client.payload_due == 100_000

    payload = data[40:]
    client.receive_payload(payload)
    received = client.next_reply()
    assert received is not None
    assert received.payload is payload
    assert client.payload_due == 0


def test_a_long_payload_that_comes_in_parts_is_put_together() -> None:
    client = ClientConnection()
    client.send(Message(Command.READ, 1, 100_000))
    payload = bytes(range(250)) * 400
    header = encode(Message(Command.OK, 1, 100_000, payload=payload, request_id=1))[:40]
    assert client.receive_data(header) == []

    client.receive_payload(payload[:30_000])
    assert client.next_reply() is None
    assert client.payload_due == 0, "what is left goes to the buffer that has begun"
    assert client.receive_data(payload[30_000:])[0].payload == payload


@pytest.mark.parametrize("data", [b"", b"12345"])
def test_a_payload_that_is_not_due_is_refused(data: bytes) -> None:
    client = ClientConnection()
    with pytest.raises(LocalProtocolError):
        client.receive_payload(data)
    client.send(Message(Command.READ, 1, 4))
    with pytest.raises(LocalProtocolError):
        client.receive_payload(data)
