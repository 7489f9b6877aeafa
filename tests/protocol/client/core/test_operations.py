"""What the verbs send and make of the replies, with a blocking client and a scripted server."""

from __future__ import annotations

from typing import Any

import pytest

from ether_protocol import (
    Command,
    ErrorCode,
    LocalProtocolError,
    Message,
    NotFound,
    OutcomeUnknown,
    OutOfRange,
    RemoteProtocolError,
)
from ether_protocol.wire.codec import encode
from protocol.scripted import (
    bytes_of,
    connect_once,
    hang_up,
    ok,
    pong,
    raw,
    refused,
    serving,
    wrote,
)

MIB = 1024 * 1024

# Ranges above 16 MiB are a pipeline.

BLOCK = b"".join(bytes([number]) * MIB for number in range(40))
PART = 16 * MIB

FITS = ok()
"""The answer to the question about 0 bytes at the end of a range that will be changed."""


def test_a_long_write_goes_in_parts() -> None:
    with serving(wrote) as server, connect_once(server) as client:
        assert client.write(7, BLOCK, 5) == 40 * MIB
    assert server.seen == [
        f"WRITE #1 handle=7 offset={40 * MIB + 5}",
        f"WRITE #2 handle=7 offset=5 [{PART} bytes]",
        f"WRITE #3 handle=7 offset={PART + 5} [{PART} bytes]",
        f"WRITE #4 handle=7 offset={2 * PART + 5} [{8 * MIB} bytes]",
    ]


def test_a_long_range_that_does_not_fit_changes_nothing() -> None:
    with serving(refused(ErrorCode.OVERFLOW)) as server, connect_once(server) as client:
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
    with serving(bytes_of(BLOCK)) as server, connect_once(server) as client:
        assert client.read(7, 40 * MIB) == BLOCK
    assert server.seen == [
        "INFO #1 handle=7",
        f"READ #2 handle=7 size={PART}",
        f"READ #3 handle=7 size={PART} offset={PART}",
        f"READ #4 handle=7 size={8 * MIB} offset={2 * PART}",
    ]


def test_readinto_puts_every_part_in_its_place() -> None:
    target = bytearray(40 * MIB + 3)
    with serving(bytes_of(BLOCK)) as server, connect_once(server) as client:
        assert client.readinto(7, target, 5) == 40 * MIB - 5
    assert target[: 40 * MIB - 5] == BLOCK[5:]
    assert target[40 * MIB - 5 :] == bytes(8)


def test_readinto_takes_words_and_a_part_of_a_buffer() -> None:
    target = bytearray(16)
    words = memoryview(target).cast("I")[1:3]
    with serving(bytes_of(b"hello")) as server, connect_once(server) as client:
        assert client.readinto(7, words) == 5
    assert target == b"\0\0\0\0hello" + bytes(7)
    assert server.seen == ["READ #1 handle=7 size=8"]


@pytest.mark.parametrize(
    "buffer", [b"constant", memoryview(bytearray(8))[::2]], ids=["read-only", "in pieces"]
)
def test_readinto_needs_a_buffer_it_can_fill(buffer: Any) -> None:
    with serving(pong) as server, connect_once(server) as client:
        with pytest.raises(TypeError):
            client.readinto(7, buffer)
        client.ping()
    assert server.seen == ["PING #1"]


def test_write_takes_bytes_in_pieces() -> None:
    with serving(wrote) as server, connect_once(server) as client:
        assert client.write(7, memoryview(b"abcdef")[::2]) == 3
        assert client.write(7, memoryview(bytes(8)).cast("I")) == 8
    assert server.seen == ["WRITE #1 handle=7 [3 bytes]", "WRITE #2 handle=7 [8 bytes]"]


@pytest.mark.parametrize("have", [0, 5, PART, PART + 5, 2 * PART])
def test_a_long_read_is_short_where_the_block_ends(have: int) -> None:
    block = BLOCK[:have]
    with serving(bytes_of(block)) as server, connect_once(server) as client:
        assert client.read(7, 80 * MIB) == block
        target = bytearray(80 * MIB)
        assert client.readinto(7, target) == have
        assert target[:have] == block
        assert client.read(7, 5) == block[:5]


def test_nothing_is_asked_for_behind_the_blocks_end() -> None:
    with serving(bytes_of(b"hello")) as server, connect_once(server) as client:
        assert client.readinto(7, bytearray(8 * PART)) == 5
    assert len(server.seen) == 4


def test_a_long_read_that_begins_past_the_end_is_refused() -> None:
    with serving(bytes_of(b"hello")) as server, connect_once(server) as client:
        with pytest.raises(OutOfRange, match=r"READ handle 7 \[6:6\]: past the end"):
            client.read(7, 40 * MIB, 6)
        assert client.read(7, 5) == b"hello"


def test_a_long_fill_goes_in_parts() -> None:
    with (
        serving(FITS, ok(size=PART), ok(size=5)) as server,
        connect_once(server) as client,
    ):
        assert client.fill(7, 0xAA, 3, PART + 5) == PART + 5
    assert server.seen == [
        f"FILL #1 handle=7 offset={PART + 8} [1 bytes]",
        f"FILL #2 handle=7 size={PART} offset=3 [1 bytes]",
        f"FILL #3 handle=7 size=5 offset={PART + 3} [1 bytes]",
    ]


def test_a_refusal_in_a_pipeline_is_raised_when_all_answers_are_in() -> None:
    script = (FITS, ok(size=PART), refused(ErrorCode.OVERFLOW, "the end"), ok(size=PART), pong)
    with serving(*script, pong) as server, connect_once(server) as client:
        with pytest.raises(OutOfRange, match=r"FILL handle 7 \[16777216:33554432\]: the end"):
            client.fill(7, 0, 0, 3 * PART)
        assert client.ping(b"in step") == b"in step"
    assert server.seen[-1] == "PING #5 [7 bytes]"


def test_the_first_of_two_refusals_is_raised() -> None:
    script = (refused(ErrorCode.NOT_FOUND, "first"), refused(ErrorCode.TOO_LARGE, "second"), pong)
    with serving(FITS, *script) as server, connect_once(server) as client:
        with pytest.raises(NotFound, match="first"):
            client.fill(7, 0, 0, 2 * PART)
        client.ping()


def test_nothing_is_sent_behind_a_refusal() -> None:
    with (
        serving(FITS, refused(ErrorCode.NOT_FOUND, "gone")) as server,
        connect_once(server) as client,
    ):
        with pytest.raises(NotFound):
            client.fill(7, 0, 0, 100 * PART)
    assert len(server.seen) == 1 + 4


def test_a_refused_read_in_a_pipeline_is_raised() -> None:
    script = (ok(payload=BLOCK[:PART]), refused(ErrorCode.NOT_FOUND, "freed"), pong)
    with serving(*script) as server, connect_once(server) as client:
        with pytest.raises(NotFound, match="freed"):
            client.readinto(7, bytearray(2 * PART))
        assert client.ping() == b""


def test_a_part_without_a_form_is_refused_when_all_answers_are_in() -> None:
    with serving(ok(payload=BLOCK[:PART]), pong) as server, connect_once(server) as client:
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
            connect_once(server) as client,
            pytest.raises(OutOfRange, match="the end"),
        ):
            client.readinto(7, bytearray(2 * PART), 2**64 - PART)


def test_a_connection_that_ends_in_a_pipeline_names_what_was_not_answered() -> None:
    with serving(FITS, ok(size=PART), hang_up) as server, connect_once(server) as client:
        with pytest.raises(OutcomeUnknown, match=r"FILL handle 7 \[16777216:33554432\]"):
            client.fill(7, 0, 0, 2 * PART)
        assert client.closed


def test_a_garbage_error_in_a_pipeline_closes_the_client() -> None:
    garbage = encode(Message(Command.ERROR, payload=b"\0", request_id=1))
    with (
        serving(raw(garbage), ok(size=PART)) as server,
        connect_once(server) as client,
    ):
        with pytest.raises(RemoteProtocolError, match="does not parse"):
            client.fill(7, 0, 0, 3 * PART)
        assert client.closed
