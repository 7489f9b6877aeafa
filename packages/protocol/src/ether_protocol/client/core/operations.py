"""Every verb, without a socket: arguments into requests, replies into values.

Rule: an operation is a generator that gives batches of requests, is sent their
replies, and returns the value.  All clients run the same ones, so that the
meaning of a verb has one place.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import TypeAlias, TypeVar

from ether_protocol.wire import bodies
from ether_protocol.wire.bodies import BlockInfo, Hello
from ether_protocol.wire.constants import (
    MAX_NAME_BYTES,
    MAX_PAYLOAD_BYTES,
    AllocFlag,
    Command,
    command_name,
)
from ether_protocol.wire.errors import LocalProtocolError, OutOfRange, RemoteProtocolError
from ether_protocol.wire.messages import AnyBuffer, Message, byte_view

from .transfer import Batch, Step

_Value = TypeVar("_Value")

Operation: TypeAlias = Generator[Batch, list[Message], _Value]
"""Gives batches, is sent the replies to each in order, and returns the value."""

Progress: TypeAlias = Callable[[int, int], object]
"""Called with the bytes done and the bytes of the whole, after every message of a range."""

Page: TypeAlias = tuple[int, list[tuple[int, int]]]
"""How many blocks exist, and (handle, size) of some."""


def call(request: Message) -> Operation[Message]:
    """Any request; its reply."""
    (reply,) = yield Batch([(request, None)])
    return reply


def ping(payload: AnyBuffer) -> Operation[bytes]:
    """The payload, sent back."""
    reply = yield from call(Message(Command.PING, payload=byte_view(payload)))
    return bytes(reply.payload)


def hello(name: str) -> Operation[Hello]:
    """What the server is."""
    payload = bodies.encode_text(name, MAX_NAME_BYTES)
    reply = yield from call(Message(Command.HELLO, payload=payload))
    return bodies.decode_hello(reply.payload)


def stats() -> Operation[dict[str, int]]:
    """Counters by name."""
    reply = yield from call(Message(Command.STATS))
    return bodies.decode_stats(reply.payload)


def alloc(size: int, session: bool) -> Operation[int]:
    """The new handle."""
    flags = AllocFlag.SESSION if session else 0
    reply = yield from call(Message(Command.ALLOC, size=size, flags=flags))
    return reply.handle


def free(handle: int) -> Operation[None]:
    """Nothing."""
    yield from call(Message(Command.FREE, handle))


def realloc(handle: int, size: int) -> Operation[int]:
    """The new size."""
    reply = yield from call(Message(Command.REALLOC, handle, size))
    return reply.size


def info(handle: int) -> Operation[BlockInfo]:
    """What is known of the block."""
    reply = yield from call(Message(Command.INFO, handle))
    return bodies.decode_info(reply.payload)


def list_(after: int, limit: int) -> Operation[Page]:
    """One page; raises RemoteProtocolError if it does not begin after `after`."""
    reply = yield from call(Message(Command.LIST, after, limit))
    page = bodies.decode_list(reply.payload)
    if page and page[-1][0] <= after:
        raise RemoteProtocolError(f"LIST after {after} went back to {page[-1][0]}")
    return reply.size, page


def write(
    handle: int, data: AnyBuffer, offset: int, progress: Progress | None = None
) -> Operation[int]:
    """How many bytes were written."""
    view = byte_view(data)
    yield from _check_fits(Message(Command.WRITE, handle, offset=offset), len(view))
    steps: list[Step] = [
        (
            Message(Command.WRITE, handle, offset=offset + at, payload=view[at : at + size]),
            None,
        )
        for at, size in _split(len(view))
    ]
    return (yield from _sum_of_sizes(steps, len(view), progress))


def read(
    handle: int, size: int | None, offset: int, progress: Progress | None = None
) -> Operation[bytes]:
    """The bytes, fewer where the block ends."""
    if size is None or size > MAX_PAYLOAD_BYTES:
        # Not more is asked for than there is, however large `size` is.
        left = max(0, (yield from info(handle)).size - offset)
        size = left if size is None else min(size, left)
    steps: list[Step] = [
        (Message(Command.READ, handle, part, offset + at), None) for at, part in _split(size)
    ]
    replies = yield Batch(steps, _sum_of_payloads(size, progress))
    if len(replies) == 1:
        return bytes(replies[0].payload)
    return b"".join([reply.payload for reply in replies])


def readinto(
    handle: int, buffer: AnyBuffer, offset: int, progress: Progress | None = None
) -> Operation[int]:
    """How many bytes were put into `buffer`; raises TypeError if it can't be written to."""
    whole = memoryview(buffer)
    if whole.readonly:
        raise TypeError("readinto: the buffer is read-only")
    if not whole.c_contiguous:
        raise TypeError("readinto: the buffer is not contiguous: it does not lie in one piece")
    view = byte_view(whole)
    steps: list[Step] = [
        (Message(Command.READ, handle, part, offset + at), view[at : at + part])
        for at, part in _split(len(view))
    ]
    replies = yield Batch(steps, _sum_of_payloads(len(view), progress))
    return sum(len(reply.payload) for reply in replies)


def fill(
    handle: int, byte: int, offset: int, size: int | None, progress: Progress | None = None
) -> Operation[int]:
    """How many bytes were set."""
    payload = bodies.pack(bodies.FILL_REQUEST, byte)
    if size is None:
        size = max(0, (yield from info(handle)).size - offset)
    yield from _check_fits(Message(Command.FILL, handle, 0, offset, payload), size)
    steps: list[Step] = [
        (Message(Command.FILL, handle, part, offset + at, payload), None)
        for at, part in _split(size)
    ]
    return (yield from _sum_of_sizes(steps, size, progress))


def copy(
    source: int, source_offset: int, target: int, target_offset: int, size: int | None
) -> Operation[int]:
    """How many bytes were copied.  One message, so that ranges may overlap."""
    if size is None:
        size = max(0, (yield from info(source)).size - source_offset)
    payload = bodies.pack(bodies.COPY_REQUEST, source, source_offset)
    reply = yield from call(Message(Command.COPY, target, size, target_offset, payload))
    return reply.size


def compare_swap(handle: int, offset: int, expected: bytes, desired: bytes) -> Operation[bytes]:
    """The 8 bytes that stood there."""
    if len(expected) != 8 or len(desired) != 8:
        raise LocalProtocolError("COMPARE_SWAP: expected and desired are 8 bytes each")
    payload = bodies.pack(bodies.COMPARE_SWAP_REQUEST, expected, desired)
    request = Message(Command.COMPARE_SWAP, handle, offset=offset, payload=payload)
    reply = yield from call(request)
    return bodies.decode_compare_swap(reply.payload)


def fetch_add(handle: int, offset: int, delta: int) -> Operation[int]:
    """The number that stood there."""
    payload = bodies.pack(bodies.FETCH_ADD_REQUEST, delta)
    request = Message(Command.FETCH_ADD, handle, offset=offset, payload=payload)
    reply = yield from call(request)
    return bodies.decode_fetch_add(reply.payload)


def _check_fits(nothing: Message, size: int) -> Operation[None]:
    """Ask whether the whole range is in the block, before the first of several messages.

    `nothing` is the request for 0 bytes at the start of the range.
    """
    if size <= MAX_PAYLOAD_BYTES:
        return  # one message is carried out whole or refused
    start = nothing.offset
    nothing.offset += size
    try:
        yield from call(nothing)
    except OutOfRange:
        raise OutOfRange(
            f"{command_name(nothing.command)} handle {nothing.handle} [{start}:{start + size}]:"
            " the block ends before that; nothing was changed"
        ) from None


def _split(size: int) -> Iterator[tuple[int, int]]:
    """(bytes done, bytes now) for each message of a range of `size` bytes; at least one."""
    for done in range(0, max(size, 1), MAX_PAYLOAD_BYTES):
        yield done, min(MAX_PAYLOAD_BYTES, size - done)


def _sum_of_sizes(steps: list[Step], total: int, progress: Progress | None) -> Operation[int]:
    replies = yield Batch(steps, _reporter(total, progress, lambda reply: reply.size))
    return sum(reply.size for reply in replies)


def _sum_of_payloads(total: int, progress: Progress | None) -> Callable[[Message], None] | None:
    return _reporter(total, progress, lambda reply: len(reply.payload))


def _reporter(
    total: int, progress: Progress | None, count: Callable[[Message], int]
) -> Callable[[Message], None] | None:
    """What hears of each reply and tells `progress`."""
    if progress is None:
        return None
    done = 0

    def report(reply: Message) -> None:
        nonlocal done
        done += count(reply)
        progress(done, total)

    return report
