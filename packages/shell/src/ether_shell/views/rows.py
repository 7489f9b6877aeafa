"""Bytes cut into rows, of which those that repeat the one above are left out.

Rule: pure, and lazy: parts in, rows out, and never more than one part held.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from ether_shell.commands.ranges import Gap, Part


@dataclass(frozen=True, slots=True)
class Row:
    """Some bytes that stand in one line."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Same:
    """One row or more like the one above."""


@dataclass(frozen=True, slots=True)
class End:
    """The range ends at `offset`; said where that is not to be seen from the last row."""

    offset: int


def cut(
    parts: Iterable[Part],
    each: int,
    *,
    squeezed: bool = True,
    changed: Container[int] = frozenset(),
) -> Iterator[Row | Same | Gap | End]:
    """Rows of `each` bytes of `parts`, which follow each other and are whole rows but for the last.

    Unless `squeezed`, all are given; one with a `changed` byte always is.
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
                    yield Same()
                same = True
                continue
            previous, same = data, False
            yield Row(offset, data)
    if same:
        yield End(end)
