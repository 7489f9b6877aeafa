"""What Python's allocator keeps of freed objects, written over.

Rule: memory is overwritten by being allocated again, since no object here can be
wiped before it is freed.  That reaches what was freed last of each size.
"""

from __future__ import annotations

MAX_READ_OBJECT_BYTES = 2048
"""The fast path makes a `bytes` object of a READ up to this long, and frees it at once."""

_OBJECTS_OF_A_SIZE = 8
"""So many freed ones of each size are written over."""

_HEAD_BYTES = b"".__sizeof__()
_GRAIN_BYTES = 16
_MOST_POOLED_BYTES = 512
"""Larger objects come from malloc, which uses 8 bytes of a grain itself."""


def _lengths() -> list[int]:
    """Of `bytes` objects, one for each size of memory, that fill it to its last byte."""
    first = -(-_HEAD_BYTES // _GRAIN_BYTES) * _GRAIN_BYTES
    pooled = range(first, _MOST_POOLED_BYTES + 1, _GRAIN_BYTES)
    most = _HEAD_BYTES + MAX_READ_OBJECT_BYTES + _GRAIN_BYTES
    others = range(_MOST_POOLED_BYTES + _GRAIN_BYTES // 2, most, _GRAIN_BYTES)
    return [size - _HEAD_BYTES for size in (*pooled, *others)]


# The largest first: malloc cuts small ones off what it could give for large ones.
_LENGTHS = [length for length in reversed(_lengths()) for _ in range(_OBJECTS_OF_A_SIZE)]


def overwrite_freed_objects() -> None:
    """Put zeros where objects of up to MAX_READ_OBJECT_BYTES were freed.

    All are held at once, so that each gets memory of its own.  `bytes(n)` would
    not do: it asks for zeroed memory, which malloc looks for elsewhere.
    """
    zero = b"\0"
    _ = [zero * length for length in _LENGTHS]
