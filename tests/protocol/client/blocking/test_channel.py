from __future__ import annotations

import socket
from typing import Any, cast

import pytest

from ether_protocol import (
    Address,
    Client,
    Command,
    ConnectionLost,
    ErrorCode,
    EtherError,
    LocalProtocolError,
    Message,
    NotFound,
    OutcomeUnknown,
    OutOfRange,
    RemoteProtocolError,
    ServerError,
    TimedOut,
    TooLarge,
)
from ether_protocol.client.blocking.channel import Channel
from ether_protocol.client.blocking.reconnecting import Link
from ether_protocol.client.transports.tcp import Transport
from ether_protocol.wire.codec import encode
from protocol.scripted import bytes_of, hang_up, meet, ok, pong, raw, refused, serving, wrote

MIB = 1024 * 1024

# Ranges above 16 MiB are a pipeline.

BLOCK = b"".join(bytes([number]) * MIB for number in range(40))
PART = 16 * MIB

FITS = ok()
"""The answer to the question about 0 bytes at the end of a range that will be changed."""


def test_a_long_write_goes_in_parts() -> None:
    with serving(wrote) as server, meet(server) as client:
        assert client.write(7, BLOCK, 5) == 40 * MIB
    assert server.seen == [
        f"WRITE #1 handle=7 offset={40 * MIB + 5}",
        f"WRITE #2 handle=7 offset=5 [{PART} bytes]",
        f"WRITE #3 handle=7 offset={PART + 5} [{PART} bytes]",
        f"WRITE #4 handle=7 offset={2 * PART + 5} [{8 * MIB} bytes]",
    ]


def test_a_long_range_that_does_not_fit_changes_nothing() -> None:
    with serving(refused(ErrorCode.OVERFLOW)) as server, meet(server) as client:
        with pytest.raises(
            OutOfRange, match=r"WRITE handle 7 \[5:41943045\]: .* nothing was changed"
        ):
            client.write(7, BLOCK, 5)
        with pytest.raises(
            OutOfRange, match=r"FILL handle 7 \[5:41943045\]: .* nothing was changed"
        ):
            client.fill(7, 0, 5, 40 * MIB)
    assert server.seen == [
        f"WRITE #1 handle=7 offset={40 * MIB + 5}",
        f"FILL #2 handle=7 offset={40 * MIB + 5} [1 bytes]",
    ]


def test_a_long_read_comes_in_parts() -> None:
    with serving(bytes_of(BLOCK)) as server, meet(server) as client:
        assert client.read(7, 40 * MIB) == BLOCK
    assert server.seen == [
        "INFO #1 handle=7",
        f"READ #2 handle=7 size={PART}",
        f"READ #3 handle=7 size={PART} offset={PART}",
        f"READ #4 handle=7 size={8 * MIB} offset={2 * PART}",
    ]


def test_readinto_puts_every_part_in_its_place() -> None:
    target = bytearray(40 * MIB + 3)
    with serving(bytes_of(BLOCK)) as server, meet(server) as client:
        assert client.readinto(7, target, 5) == 40 * MIB - 5
    assert target[: 40 * MIB - 5] == BLOCK[5:]
    assert target[40 * MIB - 5 :] == bytes(8)


def test_readinto_takes_words_and_a_part_of_a_buffer() -> None:
    target = bytearray(16)
    words = memoryview(target).cast("I")[1:3]
    with serving(bytes_of(b"hello")) as server, meet(server) as client:
        assert client.readinto(7, words) == 5
    assert target == b"\0\0\0\0hello" + bytes(7)
    assert server.seen == ["READ #1 handle=7 size=8"]


@pytest.mark.parametrize(
    "buffer", [b"constant", memoryview(bytearray(8))[::2]], ids=["read-only", "in pieces"]
)
def test_readinto_needs_a_buffer_it_can_fill(buffer: Any) -> None:
    with serving(pong) as server, meet(server) as client:
        with pytest.raises(TypeError):
            client.readinto(7, buffer)
        client.ping()
    assert server.seen == ["PING #1"]


def test_write_takes_bytes_in_pieces() -> None:
    with serving(wrote) as server, meet(server) as client:
        assert client.write(7, memoryview(b"abcdef")[::2]) == 3
        assert client.write(7, memoryview(bytes(8)).cast("I")) == 8
    assert server.seen == ["WRITE #1 handle=7 [3 bytes]", "WRITE #2 handle=7 [8 bytes]"]


@pytest.mark.parametrize("have", [0, 5, PART, PART + 5, 2 * PART])
def test_a_long_read_is_short_where_the_block_ends(have: int) -> None:
    block = BLOCK[:have]
    with serving(bytes_of(block)) as server, meet(server) as client:
        assert client.read(7, 80 * MIB) == block
        target = bytearray(80 * MIB)
        assert client.readinto(7, target) == have
        assert target[:have] == block
        assert client.read(7, 5) == block[:5]


def test_nothing_is_asked_for_behind_the_blocks_end() -> None:
    with serving(bytes_of(b"hello")) as server, meet(server) as client:
        assert client.readinto(7, bytearray(8 * PART)) == 5
    assert len(server.seen) == 4


def test_a_long_read_that_begins_past_the_end_is_refused() -> None:
    with serving(bytes_of(b"hello")) as server, meet(server) as client:
        with pytest.raises(OutOfRange, match=r"READ handle 7 \[6:6\]: past the end"):
            client.read(7, 40 * MIB, 6)
        assert client.read(7, 5) == b"hello"


def test_a_long_fill_goes_in_parts() -> None:
    with (
        serving(FITS, ok(size=PART), ok(size=5)) as server,
        meet(server) as client,
    ):
        assert client.fill(7, 0xAA, 3, PART + 5) == PART + 5
    assert server.seen == [
        f"FILL #1 handle=7 offset={PART + 8} [1 bytes]",
        f"FILL #2 handle=7 size={PART} offset=3 [1 bytes]",
        f"FILL #3 handle=7 size=5 offset={PART + 3} [1 bytes]",
    ]


def test_a_refusal_in_a_pipeline_is_raised_when_all_answers_are_in() -> None:
    script = (FITS, ok(size=PART), refused(ErrorCode.OVERFLOW, "the end"), ok(size=PART), pong)
    with serving(*script, pong) as server, meet(server) as client:
        with pytest.raises(OutOfRange, match=r"FILL handle 7 \[16777216:33554432\]: the end"):
            client.fill(7, 0, 0, 3 * PART)
        assert client.ping(b"in step") == b"in step"
    assert server.seen[-1] == "PING #5 [7 bytes]"


def test_the_first_of_two_refusals_is_raised() -> None:
    script = (refused(ErrorCode.NOT_FOUND, "first"), refused(ErrorCode.TOO_LARGE, "second"), pong)
    with serving(FITS, *script) as server, meet(server) as client:
        with pytest.raises(NotFound, match="first"):
            client.fill(7, 0, 0, 2 * PART)
        client.ping()


def test_nothing_is_sent_behind_a_refusal() -> None:
    with (
        serving(FITS, refused(ErrorCode.NOT_FOUND, "gone")) as server,
        meet(server) as client,
    ):
        with pytest.raises(NotFound):
            client.fill(7, 0, 0, 100 * PART)
    assert len(server.seen) == 1 + 4


def test_a_refused_read_in_a_pipeline_is_raised() -> None:
    script = (ok(payload=BLOCK[:PART]), refused(ErrorCode.NOT_FOUND, "freed"), pong)
    with serving(*script) as server, meet(server) as client:
        with pytest.raises(NotFound, match="freed"):
            client.readinto(7, bytearray(2 * PART))
        assert client.ping() == b""


def test_a_part_without_a_form_is_refused_when_all_answers_are_in() -> None:
    with serving(ok(payload=BLOCK[:PART]), pong) as server, meet(server) as client:
        with pytest.raises(LocalProtocolError, match="does not fit its field"):
            client.readinto(7, bytearray(2 * PART), 2**64 - PART)
        assert client.ping(b"in step") == b"in step"
    assert server.seen == [
        f"READ #1 handle=7 size={PART} offset={2**64 - PART}",
        "PING #3 [7 bytes]",
    ]


def test_the_servers_refusal_comes_before_a_part_without_a_form() -> None:
    with serving(refused(ErrorCode.OVERFLOW, "the end")) as server:
        with (
            meet(server) as client,
            pytest.raises(OutOfRange, match="the end"),
        ):
            client.readinto(7, bytearray(2 * PART), 2**64 - PART)


def test_a_connection_that_ends_in_a_pipeline_names_what_was_not_answered() -> None:
    with serving(FITS, ok(size=PART), hang_up) as server, meet(server) as client:
        with pytest.raises(OutcomeUnknown, match=r"FILL handle 7 \[16777216:33554432\]"):
            client.fill(7, 0, 0, 2 * PART)
        assert client.closed


def test_a_garbage_error_in_a_pipeline_closes_the_client() -> None:
    garbage = encode(Message(Command.ERROR, payload=b"\0", request_id=1))
    with (
        serving(raw(garbage), ok(size=PART)) as server,
        meet(server) as client,
    ):
        with pytest.raises(RemoteProtocolError, match="does not parse"):
            client.fill(7, 0, 0, 3 * PART)
        assert client.closed


# A socket that a test holds in its hand, for what no real one does on demand.


class HeldSocket:
    """Gives `incoming`, one entry a receive, and raises the entries that are exceptions."""

    def __init__(
        self,
        incoming: list[bytes | BaseException],
        outgoing: list[int | BaseException] | None = None,
    ) -> None:
        self.incoming = incoming
        self.outgoing = [] if outgoing is None else outgoing
        self.sent = b""
        self.closed = False

    def gettimeout(self) -> float:
        return 30.0

    def settimeout(self, value: float) -> None:
        pass

    def recv(self, count: int, flags: int) -> bytes:
        raise BlockingIOError

    def recv_into(self, buffer: memoryview) -> int:
        entry = self.incoming.pop(0)
        if isinstance(entry, BaseException):
            raise entry
        buffer[: len(entry)] = entry
        return len(entry)

    def send(self, data: memoryview) -> int:
        entry = self.outgoing.pop(0) if self.outgoing else len(data)
        if isinstance(entry, BaseException):
            raise entry
        self.sent += bytes(data[:entry])
        return entry

    def close(self) -> None:
        self.closed = True


def _holding(held: HeldSocket) -> Client:
    sock = cast(socket.socket, held)  # as much of a socket as it needs
    return Client(Link(lambda: (Channel(Transport(sock), Address("held")), None)))


IT_FITS = encode(Message(Command.OK, request_id=1))
PONG_1 = encode(Message(Command.PONG, request_id=1))


def test_an_interrupted_receive_leaves_no_reply_for_the_next_caller() -> None:
    held = HeldSocket([PONG_1[:20], KeyboardInterrupt()])
    client = _holding(held)

    with pytest.raises(KeyboardInterrupt):
        client.ping()

    assert held.closed
    with pytest.raises(ConnectionLost):
        client.ping()


def test_an_interrupted_send_leaves_no_half_message() -> None:
    held = HeldSocket([], [10, KeyboardInterrupt()])
    client = _holding(held)

    with pytest.raises(KeyboardInterrupt):
        client.write(7, b"hello")

    assert len(held.sent) == 10
    assert held.closed


def test_an_interrupt_in_a_pipeline_closes_even_between_two_receives() -> None:
    first = encode(Message(Command.OK, request_id=2, size=PART))
    held = HeldSocket([IT_FITS, first, KeyboardInterrupt()])
    client = _holding(held)

    with pytest.raises(KeyboardInterrupt):
        client.fill(7, 0, 0, 2 * PART)

    assert held.closed


def test_a_message_is_sent_whole_in_as_many_pieces_as_it_takes() -> None:
    payload = bytes(range(256)) * 100
    held = HeldSocket([encode(Message(Command.OK, request_id=1))], [1, 39, 7, 10_000])
    client = _holding(held)

    client.write(7, payload)

    assert held.sent == encode(Message(Command.WRITE, 7, payload=payload, request_id=1))


@pytest.mark.parametrize("version", [1, 2])
def test_an_error_that_came_before_the_sending_broke_is_what_is_raised(version: int) -> None:
    error = Message(Command.ERROR, version=version)
    if version == 1:
        error.code = ErrorCode.TOO_LARGE
    else:
        error.payload = b"\0\x0btoo much"
    held = HeldSocket([encode(error)], [40, BrokenPipeError(32, "Broken pipe")])
    client = _holding(held)

    with pytest.raises(TooLarge, match=r"^WRITE handle 7 \[0:20000\]: "):
        client.write(7, bytes(20_000))

    assert client.closed


def test_answers_in_front_of_that_error_are_taken_first() -> None:
    first = encode(Message(Command.OK, request_id=2, size=PART))
    second = encode(Message(Command.ERROR, payload=b"\0\x03rubbish", request_id=3))
    broken = BrokenPipeError(32, "Broken pipe")
    held = HeldSocket([IT_FITS, first, second], [41, 41, 41, broken])
    client = _holding(held)

    with pytest.raises(ServerError, match=r"^FILL handle 7 \[16777216:33554432\]: rubbish"):
        client.fill(7, 0, 0, 3 * PART)


def test_what_was_not_sent_whole_was_not_carried_out() -> None:
    held = HeldSocket([b""], [10, BrokenPipeError(32, "Broken pipe")])
    client = _holding(held)

    with pytest.raises(ConnectionLost, match="Broken pipe"):
        client.write(7, b"hello")

    assert held.closed


def test_what_was_sent_whole_before_that_has_an_unknown_outcome() -> None:
    held = HeldSocket([IT_FITS, b""], [41, 41, 10, BrokenPipeError(32, "Broken pipe")])
    client = _holding(held)

    with pytest.raises(OutcomeUnknown, match=r"FILL handle 7 \[0:16777216\].* Broken pipe"):
        client.fill(7, 0, 0, 2 * PART)


def test_a_sending_that_nobody_takes_is_not_waited_for_twice() -> None:
    held = HeldSocket([], [10, TimeoutError("timed out")])
    client = _holding(held)

    with pytest.raises(TimedOut, match="no answer in time"):
        client.write(7, b"hello")


def test_every_way_to_fail_is_an_ether_error() -> None:
    for incoming in (OSError(5, "Input/output error"), ConnectionResetError(), TimeoutError()):
        client = _holding(HeldSocket([incoming]))
        with pytest.raises(EtherError):
            client.ping()
        assert client.closed


def test_the_client_hears_a_transcript_of_several_replies_at_once() -> None:
    replies = b"".join(
        encode(Message(Command.OK, request_id=number, size=PART)) for number in (2, 3, 4)
    )
    client = _holding(HeldSocket([IT_FITS, replies]))

    assert client.fill(7, 0, 0, 3 * PART) == 3 * PART


def test_requests_wait_for_nobody_up_to_the_window() -> None:
    seen: list[int] = []

    class Watched(HeldSocket):
        def recv_into(self, buffer: memoryview) -> int:
            seen.append(len(self.sent) // 41)
            return super().recv_into(buffer)

    replies: list[bytes | BaseException] = [
        encode(Message(Command.OK, request_id=number, size=PART)) for number in range(2, 8)
    ]
    client = _holding(Watched([IT_FITS, *replies]))

    assert client.fill(7, 0, 0, 6 * PART) == 6 * PART
    assert seen == [1, 5, 6, 7, 7, 7, 7]
