"""Bytes cut into rows; rows that repeat the one above are left out.

Rule: pure, and lazy: parts in, rows out, and no more than one part is held.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from ether_shell.operations.ranges import Gap, Part


@dataclass(frozen=True, slots=True)
class ByteRow:
    """The bytes of one line."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class RepeatedRows:
    """One or more rows that repeat the one above."""


@dataclass(frozen=True, slots=True)
class RangeEnd:
    """The range ends at `offset`; follows repeated rows at the end."""

    offset: int


def cut(
    parts: Iterable[Part],
    each: int,
    *,
    squeezed: bool = True,
    changed: Container[int] = frozenset(),
) -> Iterator[ByteRow | RepeatedRows | Gap | RangeEnd]:
    """Rows of `each` bytes of `parts`, which are whole rows except for the last.

    If `squeezed`, repeated rows are left out, but never one with a `changed` byte.
    """
    previous: bytes | None = None
    same = False
    end = 0
    for part in parts:
        if isinstance(part, Gap):
            yield part
            previous, same = None, False
            continue
        for start in range(0, len(part.data), each):
            data = part.data[start : start + each]
            offset = part.offset + start
            end = offset + len(data)
            marked = changed and any(at in changed for at in range(offset, end))
            if squeezed and data == previous and not marked:
                if not same:
                    yield RepeatedRows()
                same = True
                continue
            previous, same = data, False
            yield ByteRow(offset, data)
    if same:
        yield RangeEnd(end)
