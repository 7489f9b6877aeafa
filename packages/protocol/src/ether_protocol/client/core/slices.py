"""What `block[10:20]` and `block[-1] = 7` mean, as for a `bytearray` of fixed size.

Rule: operations like those in `operations`; the length of the block is asked
for only if the slice can't be resolved without it.
"""

from __future__ import annotations

from operator import index as number
from typing import NamedTuple, SupportsIndex

from ether_protocol.wire.errors import OutOfRange
from ether_protocol.wire.messages import AnyBuffer, byte_view

from .operations import Operation, info, read, write

_MAX_OFFSET = 2**64 - 1
"""A larger offset does not fit its field on the wire, and no block is so long."""


class _Span(NamedTuple):
    """`size` bytes from `offset` on; every `step`-th of them is meant, backwards if negative."""

    offset: int
    size: int
    step: int = 1


def get(handle: int, key: slice | SupportsIndex) -> Operation[bytes | int]:
    """The bytes of a slice, or the one byte at an index."""
    if isinstance(key, slice):
        return _get_slice(handle, key)
    return _get_byte(handle, key)


def set_(handle: int, key: slice | SupportsIndex, value: AnyBuffer | int) -> Operation[None]:
    """Write; raises ValueError if there are not as many bytes as the slice has."""
    if isinstance(key, slice):
        if isinstance(value, int):
            raise TypeError("a slice takes bytes, not a number")
        return _set_slice(handle, key, value)
    if not isinstance(value, SupportsIndex):
        raise TypeError("an index takes a number; a slice takes bytes")
    return _set_byte(handle, key, number(value))


def _get_slice(handle: int, key: slice) -> Operation[bytes]:
    span = yield from _span(handle, key)
    if not span.size:
        return b""
    try:
        data = yield from read(handle, span.size, span.offset)
    except OutOfRange:  # a slice past the end is empty
        return b""
    return data if span.step == 1 else data[:: span.step]


def _get_byte(handle: int, index: SupportsIndex) -> Operation[int]:
    offset = yield from _offset(handle, index)
    try:
        data = yield from read(handle, 1, offset)
    except OutOfRange:
        data = b""
    if not data:
        raise IndexError(f"block {handle} has no byte {index}")
    return data[0]


def _set_slice(handle: int, key: slice, value: AnyBuffer) -> Operation[None]:
    view = byte_view(value)
    span = yield from _span(handle, key)
    if span.step != 1 and span.size:
        raise ValueError("a slice with a step can be read, not written")
    if len(view) != span.size:
        raise ValueError(f"{len(view)} bytes do not fit a slice of {span.size}")
    if span.size:
        yield from write(handle, view, span.offset)


def _set_byte(handle: int, index: SupportsIndex, value: int) -> Operation[None]:
    if not 0 <= value <= 255:
        raise ValueError(f"{value} is not a byte")
    offset = yield from _offset(handle, index)
    try:
        yield from write(handle, bytes([value]), offset)
    except OutOfRange:
        raise IndexError(f"block {handle} has no byte {index}") from None


def _offset(handle: int, index: SupportsIndex) -> Operation[int]:
    offset = number(index)
    if offset < 0:
        offset += (yield from info(handle)).size
    if not 0 <= offset <= _MAX_OFFSET:
        raise IndexError(f"block {handle} has no byte {index}")
    return offset


def _span(handle: int, key: slice) -> Operation[_Span]:
    start, stop, step = (
        None if bound is None else number(bound) for bound in (key.start, key.stop, key.step)
    )
    first = start or 0
    if step in (None, 1) and stop is not None and first >= 0 and 0 <= stop <= _MAX_OFFSET:
        return _Span(first, max(0, stop - first))
    length = (yield from info(handle)).size
    indices = range(*slice(start, stop, step).indices(length))
    if not indices:
        return _Span(0, 0, indices.step)
    low, high = min(indices[0], indices[-1]), max(indices[0], indices[-1])
    return _Span(low, high + 1 - low, indices.step)
