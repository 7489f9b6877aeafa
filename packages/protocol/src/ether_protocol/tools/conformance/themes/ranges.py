"""Ranges: inside the block, cut at its end, refused outside, and never wrapped around.

Rule: tables say which ranges are OVERFLOW; after each refusal the block must
be unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ether_protocol.tools.conformance import expect
from ether_protocol.tools.conformance.fixture import Fixture
from ether_protocol.tools.conformance.requests import (
    compare_swap,
    copy,
    fetch_add,
    fill,
    read,
    write,
)
from ether_protocol.tools.conformance.rules import Theme
from ether_protocol.wire.constants import MAX_PAYLOAD_BYTES, MAX_SIZE, VERSION_1, ErrorCode
from ether_protocol.wire.messages import Message

theme: Theme = Theme("ranges")

Make = Callable[[int, int, int], Message]
"""A request about handle, offset, size."""

BLOCK = "What a block promises"
SIZE = 64
CONTENT = bytes(range(1, SIZE + 1))
OUTSIDE = ((SIZE + 1, 0), (SIZE, 1), (SIZE - 1, 2), (0, SIZE + 1), (1 << 32, 1))
"""(offset, size) of ranges that are not in a block of SIZE bytes."""

WRAPPING = ((MAX_SIZE, 1), (MAX_SIZE, 2), (MAX_SIZE - 7, 8), (MAX_SIZE - 7, 16), (1 << 63, 8))
"""The same, with an offset + size that does not fit in 64 bits."""


@theme.rule(BLOCK)
def read_is_cut(fixture: Fixture) -> None:
    """A READ is cut at the block's end, and empty at the end."""
    peer = fixture.connect()
    handle = fixture.block(peer, SIZE, CONTENT)
    for offset, size in ((60, 10), (0, SIZE + 1), (0, MAX_PAYLOAD_BYTES), (63, 1), (64, 5)):
        part = CONTENT[offset : offset + size]
        expect.ok(peer.ask(read(handle, offset, size)), size=len(part), payload=part)


@theme.rule(BLOCK)
def read_is_cut_v1(fixture: Fixture) -> None:
    """A version 1 READ of more than the block is cut at its end."""
    peer = fixture.connect()
    handle = fixture.block(peer, SIZE, CONTENT)
    for size in (SIZE + 1, MAX_PAYLOAD_BYTES):
        reply = peer.ask(read(handle, 0, size, version=VERSION_1))
        expect.ok(reply, size=SIZE, payload=CONTENT)


@theme.rule(BLOCK)
def read_past_the_end(fixture: Fixture) -> None:
    """A READ that begins past the block's end is OVERFLOW, even of 0 bytes."""
    peer = fixture.connect()
    handle = fixture.block(peer, SIZE, CONTENT)
    for offset in (SIZE + 1, 1 << 32, 1 << 63, MAX_SIZE - 7, MAX_SIZE):
        for size in (0, 1, 8, MAX_PAYLOAD_BYTES):
            expect.error(peer.ask(read(handle, offset, size)), ErrorCode.OVERFLOW)


@theme.rule(BLOCK)
def write_outside(fixture: Fixture) -> None:
    """A WRITE that is not inside the block is OVERFLOW and changes nothing."""
    _overflows(fixture, OUTSIDE, lambda h, offset, size: write(h, offset, b"x" * size))


@theme.rule(BLOCK)
def write_wraps_around(fixture: Fixture) -> None:
    """A WRITE whose offset and length pass 2^64 is OVERFLOW and changes nothing."""
    _overflows(fixture, WRAPPING, lambda h, offset, size: write(h, offset, b"x" * size))


@theme.rule(BLOCK)
def write_longer_v1(fixture: Fixture) -> None:
    """A version 1 WRITE longer than the block is OVERFLOW and changes nothing."""
    _overflows(
        fixture, ((0, SIZE + 1), (0, 5000)), lambda h, _, size: write(h, 0, b"x" * size, version=1)
    )


@theme.rule(BLOCK)
def fill_outside(fixture: Fixture) -> None:
    """A FILL that is not inside the block, or passes 2^64, is OVERFLOW and changes nothing."""
    _overflows(fixture, OUTSIDE + WRAPPING, lambda h, offset, size: fill(h, offset, size, 0xAA))


@theme.rule(BLOCK)
def copy_outside(fixture: Fixture) -> None:
    """A COPY of which either range is outside, or passes 2^64, is OVERFLOW and changes nothing."""
    _overflows(
        fixture,
        OUTSIDE + WRAPPING,
        lambda h, offset, size: copy(h, offset, size, h, 0),
        lambda h, offset, size: copy(h, 0, size, h, offset),
    )


@theme.rule(BLOCK)
def atomics_outside(fixture: Fixture) -> None:
    """COMPARE_SWAP and FETCH_ADD of 8 bytes not inside the block are OVERFLOW."""
    _overflows(
        fixture,
        tuple((offset, 8) for offset in (SIZE - 7, SIZE - 1, SIZE, MAX_SIZE - 7, MAX_SIZE)),
        lambda h, offset, _: compare_swap(h, offset, bytes(8), b"x" * 8),
        lambda h, offset, _: fetch_add(h, offset, 1),
    )


def _overflows(fixture: Fixture, spans: Iterable[tuple[int, int]], *makers: Make) -> None:
    """Expect OVERFLOW for each range of a block of SIZE bytes, and unchanged content."""
    peer = fixture.connect()
    handle = fixture.block(peer, SIZE, CONTENT)
    for offset, size in spans:
        for make in makers:
            expect.error(peer.ask(make(handle, offset, size)), ErrorCode.OVERFLOW)
            expect.ok(peer.ask(read(handle, 0, SIZE)), payload=CONTENT)


@theme.rule(BLOCK)
def nothing_is_fine(fixture: Fixture) -> None:
    """0 bytes inside the block or at its end are fine and do nothing."""
    peer = fixture.connect()
    handle = fixture.block(peer, SIZE, CONTENT)
    for offset in (0, 30, SIZE):
        for request in (
            *(write(handle, offset, b""), read(handle, offset, 0), fill(handle, offset, 0, 1)),
            *(copy(handle, offset, 0, handle, 0), copy(handle, 0, 0, handle, offset)),
        ):
            if fixture.serves(request):
                expect.ok(peer.ask(request), size=0, payload=b"")
    expect.ok(peer.ask(write(handle, 0, b"", version=VERSION_1)))
    expect.ok(peer.ask(read(handle, 0, 0, version=VERSION_1)), size=0)
    expect.ok(peer.ask(read(handle, 0, SIZE)), payload=CONTENT)


@theme.rule(BLOCK)
def up_to_the_end(fixture: Fixture) -> None:
    """A range that ends where the block ends is inside it."""
    peer = fixture.connect()
    handle = fixture.block(peer, SIZE, CONTENT)
    for request in (
        *(write(handle, SIZE - 4, b"last"), fill(handle, SIZE - 1, 1, 0xAA)),
        *(copy(handle, SIZE - 2, 2, handle, 0), fetch_add(handle, SIZE - 8, 0)),
        compare_swap(handle, SIZE - 8, bytes(8), bytes(8)),
    ):
        if fixture.serves(request):
            expect.ok(peer.ask(request))
    expect.ok(peer.ask(write(handle, 0, b"w" * SIZE)), size=SIZE)
    expect.ok(peer.ask(read(handle, 0, SIZE)), payload=b"w" * SIZE)


@theme.rule(BLOCK)
def copy_overlaps(fixture: Fixture) -> None:
    """COPY within a block behaves as memmove where the ranges overlap, either way."""
    peer = fixture.connect()
    for size, step in ((SIZE, 1), (SIZE, 7), (1 << 19, 1), (1 << 19, 70_000)):
        content = bytes(range(251)) * (size // 251 + 1)
        for target, source in ((step, 0), (0, step), (0, 0)):
            handle = fixture.block(peer, size, content[:size])
            count = size - step
            expect.ok(peer.ask(copy(handle, target, count, handle, source)), size=count)
            moved = bytearray(content[:size])
            moved[target : target + count] = content[source : source + count]
            expect.ok(peer.ask(read(handle, 0, size)), payload=bytes(moved))
