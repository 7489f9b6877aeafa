"""What each command does: values in, results out.

Rule: one function a command, a generator of results; it talks to the client
and formats nothing.  The keywords are those that `catalogue` declares.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ether_protocol import MAX_PAYLOAD_BYTES, AllocFlag, Client, EtherError, OutOfRange

from . import ranges
from .context import Context
from .problems import Incomplete, Misuse, PartlyWritten
from .results import (
    Added,
    Allocated,
    Bytes,
    Compared,
    Copied,
    Counters,
    Described,
    Filled,
    Freed,
    Gap,
    Greeting,
    Leave,
    Listing,
    Manual,
    Part,
    Piece,
    Pong,
    Resized,
    Result,
    Written,
)
from .values import Data

Results = Iterator[Result]

_LISTED_ON_TERMINAL: Final = 100
_U64: Final = 2**64


def ping(context: Context) -> Results:
    """There and back."""
    yield Pong(context.session.ping())


def hello(context: Context) -> Results:
    """What the server is."""
    said = context.client.hello()
    yield Greeting(
        said.name,
        said.version,
        said.max_payload_bytes,
        said.max_memory_bytes,
        said.max_handles,
        said.auth_needed,
        said.features,
    )


def stats(context: Context) -> Results:
    """The server's counters."""
    yield Counters(context.client.stats())


def alloc(context: Context, size: int, session: bool) -> Results:
    """A new block, which `$_` then stands for."""
    block = context.client.alloc(size, session=session)
    context.session.allocated(block.handle)
    yield Allocated(block.handle, size)


def write(context: Context, handle: int, data: Data, at: int) -> Results:
    """Put bytes into a block, more than a message carries step by step."""
    size = context.inputs.size(data)
    if size is not None:
        _see_that_it_fits(context.client, "WRITE", handle, at, size)
    written = 0
    try:
        for chunk in context.inputs.chunks(data):
            written += context.client.write(handle, chunk, at + written)
    except (EtherError, Misuse, KeyboardInterrupt) as error:
        if not written:
            raise
        raise PartlyWritten(written) from error
    yield Written(handle, at, written)


def _see_that_it_fits(client: Client, verb: str, handle: int, offset: int, size: int) -> None:
    """Before the first of several messages changes anything, see that the last one may."""
    if size <= MAX_PAYLOAD_BYTES:
        return  # one message is whole or refused by itself
    there = client.info(handle).size
    if size > there - offset:
        raise OutOfRange(
            f"{verb} handle {handle} [{offset}:{offset + size}]: the block has {there} bytes;"
            " nothing was changed"
        )


def read(
    context: Context, handle: int, length: int | None, at: int, as_: str, all: bool
) -> Results:
    """Get bytes out of a block, a long range step by step."""
    client = context.client
    size = length
    if size is None or size > ranges.READ_STEP_BYTES:
        left = max(0, client.info(handle).size - at)
        size = left if size is None else min(left, size)
    if context.guarded and size > ranges.GUARD_BYTES and not all:
        # A length may be longer than the block: what is left out is counted from its real end.
        size = min(size, max(0, client.info(handle).size - at))
    if context.guarded and size > ranges.GUARD_BYTES and not all:
        yield Bytes(handle, at, size, _abridged(client, handle, at, size), as_)
    elif size <= ranges.READ_STEP_BYTES:
        data = client.read(handle, size, at)
        yield Bytes(handle, at, len(data), (Piece(at, data),), as_)
    else:
        yield Bytes(handle, at, size, _stepwise(client, handle, at, size), as_)


def _exactly(client: Client, handle: int, offset: int, size: int) -> Piece:
    data = client.read(handle, size, offset)
    if len(data) < size:
        raise Incomplete(f"block {handle} shrank while it was read, at offset {offset + len(data)}")
    return Piece(offset, data)


def _abridged(client: Client, handle: int, offset: int, size: int) -> Iterator[Part]:
    head, gap, tail = ranges.abridged(offset, size)
    yield _exactly(client, handle, *head)
    yield Gap(*gap)
    yield _exactly(client, handle, *tail)


def _stepwise(client: Client, handle: int, offset: int, size: int) -> Iterator[Part]:
    for step in ranges.steps(offset, size):
        yield _exactly(client, handle, *step)


def free(context: Context, handle: list[int]) -> Results:
    """Free blocks, in the order named; the first that can't be freed stops."""
    try:
        agreed = len(handle) == 1 or context.confirm(f"free {len(handle)} blocks?")
    except KeyboardInterrupt:
        raise KeyboardInterrupt("nothing was freed") from None
    if not agreed:
        raise Misuse("nothing was freed")
    for each in handle:
        context.client.free(each)
        context.session.freed(each)
        yield Freed(each)


def realloc(context: Context, handle: int, size: int) -> Results:
    """Another size for a block."""
    yield Resized(handle, context.client.realloc(handle, size))


def info(context: Context, handle: int) -> Results:
    """What is known of a block."""
    found = context.client.info(handle)
    session = bool(found.flags & AllocFlag.SESSION)
    yield Described(handle, found.size, session, found.created_ms)


def list_(context: Context, all: bool) -> Results:
    """The blocks that exist; on a terminal not all of very many."""
    if context.guarded and not all:
        count, page = context.client.list(limit=_LISTED_ON_TERMINAL)
        yield Listing(count, page)
        return
    count, page = context.client.list()
    yield Listing(count, page if count <= len(page) else _pages(context.client, page))


def _pages(client: Client, page: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    while page:
        yield from page
        page = client.list(page[-1][0])[1]


def fill(context: Context, handle: int, byte: int, length: int | None, at: int) -> Results:
    """Set a range, by default all that is left of the block, to one byte."""
    size = _rest(context.client, handle, at) if length is None else length
    _see_that_it_fits(context.client, "FILL", handle, at, size)
    yield Filled(handle, at, context.client.fill(handle, byte, at, size), byte)


def copy(
    context: Context, source: int, target: int, length: int | None, from_: int, at: int
) -> Results:
    """Copy a range, by default all that is left of the source."""
    client = context.client
    size = _rest(client, source, from_) if length is None else length
    _see_that_it_fits(client, "COPY", source, from_, size)
    _see_that_it_fits(client, "COPY", target, at, size)
    done = 0
    for source_at, target_at, step in ranges.copy_steps(
        from_, at, size, same_block=source == target
    ):
        done += client.copy(source, source_at, target, target_at, step)
    yield Copied(source, from_, target, at, done)


def _rest(client: Client, handle: int, offset: int) -> int:
    return max(0, client.info(handle).size - offset)


def swap(context: Context, handle: int, expected: bytes, desired: bytes, at: int) -> Results:
    """Put 8 bytes in the place of 8 others, if those stand there."""
    found = context.client.compare_swap(handle, at, expected, desired)
    yield Compared(handle, at, found == expected, found)


def add(context: Context, handle: int, delta: int, at: int) -> Results:
    """Add to a number in a block."""
    before = context.client.fetch_add(handle, at, delta)
    yield Added(handle, at, before, (before + delta) % _U64)


def help_(context: Context, command: str | None) -> Results:
    """What commands there are, or what one does."""
    catalogue = context.catalogue
    topic = catalogue.find(command) if command is not None else None
    if command is not None and topic is None:
        raise Misuse(catalogue.unknown(command))
    yield Manual(catalogue.commands, topic)


def leave(_: Context) -> Results:
    """End the shell."""
    yield Leave()
