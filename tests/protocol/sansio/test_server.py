from __future__ import annotations

import pytest
from hypothesis import given

from ether_protocol import (
    Command,
    Message,
    Refused,
    ServerConnection,
)
from ether_protocol.wire.codec import encode
from ether_protocol.wire.constants import MAX_PAYLOAD_BYTES, ErrorCode
from ether_protocol.wire.framing import Refusal
from protocol.samples import REPLIES, REQUESTS, Sample, each
from protocol.sansio.wires import CUTS, WIRES, pieces
from protocol.transcript import PING_V1, PING_V2, bytewise, lines, v2


@each(REQUESTS)
def test_a_server_takes_a_whole_request(sample: Sample) -> None:
    assert ServerConnection().receive_data(sample.wire) == [sample.message]


@each(REQUESTS)
def test_a_server_takes_a_request_byte_by_byte(sample: Sample) -> None:
    connection = ServerConnection()
    taken = [connection.receive_data(byte) for byte in bytewise(sample.wire)]

    assert taken[-1] == [sample.message]
    assert not any(taken[:-1])


@each(REQUESTS)
def test_a_server_keeps_what_comes_behind_a_request(sample: Sample) -> None:
    connection = ServerConnection()

    assert connection.receive_data(sample.wire + PING_V2[:39]) == [sample.message]
    assert connection.receive_data(PING_V2[39:] + sample.wire) == [
        Message(Command.PING),
        sample.message,
    ]


@each(REQUESTS)
def test_a_server_makes_nothing_of_a_truncated_request(sample: Sample) -> None:
    for end in range(len(sample.wire)):
        assert ServerConnection().receive_data(sample.wire[:end]) == []


@each(REQUESTS)
def test_a_server_takes_a_truncated_request_once_it_is_finished(sample: Sample) -> None:
    for at in range(len(sample.wire) + 1):
        connection = ServerConnection()
        first = connection.receive_data(sample.wire[:at])
        assert first + connection.receive_data(sample.wire[at:]) == [sample.message]


def test_a_server_takes_every_request_from_one_stream() -> None:
    wire = b"".join(sample.wire for sample in REQUESTS)

    assert ServerConnection().receive_data(wire) == [sample.message for sample in REQUESTS]


@each(REPLIES)
def test_a_server_sends_the_bytes_of_the_specification(sample: Sample) -> None:
    assert ServerConnection().send(sample.message) == sample.wire


def test_a_server_refuses_replies_as_requests() -> None:
    for sample in REPLIES:
        events = ServerConnection().receive_data(sample.wire)
        assert lines(events)[0] == "refused UNSUPPORTED"


# Payloads larger than any buffer.

LARGE = bytes(range(251)) * 12_000


@pytest.mark.parametrize("step", [len(LARGE) + 40, 1_000_003, 65_536, 4099])
def test_a_large_payload_arrives_in_pieces_of_any_size(step: int) -> None:
    wire = v2(Command.WRITE, handle=1, payload=LARGE) + PING_V2
    connection = ServerConnection()
    events: list[Message | Refused] = []
    for start in range(0, len(wire), step):
        events += connection.receive_data(wire[start : start + step])

    write, ping = events
    assert isinstance(write, Message)
    assert write.payload == LARGE
    assert ping == Message(Command.PING)


@pytest.mark.parametrize("chunk", [1 << 20, 10_007])
def test_a_large_payload_is_received_straight_into_its_place(chunk: int) -> None:
    rest = memoryview(v2(Command.WRITE, handle=1, payload=LARGE) + PING_V1)
    connection = ServerConnection()
    events: list[Message | Refused] = []
    while len(rest):
        with connection.get_buffer() as room:
            count = min(len(room), len(rest), chunk)
            room[:count] = rest[:count]
        connection.received(count)
        rest = rest[count:]
        while (event := connection.next_request()) is not None:
            events.append(event)

    assert lines(events) == [f"WRITE #0 handle=1 [{len(LARGE)} bytes]", "PING v1"]
    assert isinstance(events[0], Message)
    assert events[0].payload == LARGE


# Any bytes, cut anywhere.


@given(wire=WIRES, cuts=CUTS)
def test_a_server_makes_the_same_of_any_bytes_however_they_are_cut(
    wire: bytes, cuts: list[int]
) -> None:
    whole, cut = ServerConnection(), ServerConnection()

    expected = whole.receive_data(wire)

    assert [e for piece in pieces(wire, cuts) for e in cut.receive_data(piece)] == expected
    for event in expected:
        if isinstance(event, Refused):
            assert whole.refuse(event)[5] == Command.ERROR


def test_longer_payloads_are_taken_no_more_until_they_are_again() -> None:
    server = ServerConnection()
    server.limit_payloads(4, Refusal(ErrorCode.UNAUTHENTICATED, "not yet"))
    write = [encode(Message(Command.WRITE, 1, payload=bytes(length))) for length in (4, 5, 4)]
    kept, refused, again = server.receive_data(b"".join(write))
    assert isinstance(kept, Message)
    assert isinstance(again, Message)
    assert isinstance(refused, Refused)
    assert refused.refusal.text == "not yet"
    server.limit_payloads(MAX_PAYLOAD_BYTES)
    (whole,) = server.receive_data(write[1])
    assert isinstance(whole, Message)


def test_a_payload_that_is_too_long_may_end_the_stream_before_it_comes() -> None:
    server = ServerConnection()
    server.limit_payloads(4, Refusal(ErrorCode.UNAUTHENTICATED, "not yet", fatal=True))
    header = encode(Message(Command.WRITE, 1, payload=bytes(5)))[:40]
    (refused,) = server.receive_data(header)
    assert isinstance(refused, Refused)
    assert server.receive_data(bytes(5) + header) == []
