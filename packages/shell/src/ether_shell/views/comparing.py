"""How changes in a block look: both sides, without equal rows.

    00000010  68>65 6c 6c 6f 00 00 00 │hello⋄⋄⋄│  68>41 6c 6c 6f 00 00 00 │hAllo⋄⋄⋄│
    … 12 equal rows

Rule: pure, and row by row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ether_protocol import format_size
from ether_shell.commands.comparing import Difference, SnapshotList, SnapshotTaken
from ether_shell.drawing.byte_classes import CHANGED_SIGN, glyphs, role
from ether_shell.drawing.measures import size_of

from .renderer import Note, Renderer, Renderers, Rendering, View, encoded

_ROWS: Final = ((142, 16), (78, 8), (0, 4))
"""From this many columns on, a row has this many bytes on each side."""

_MOST_ROWS: Final = 512
"""The most rows that a terminal gets."""

_CHUNK_BYTES: Final = 64 * 1024
"""Bytes that are compared at once, because most of a block is usually equal."""

_GRAIN_BYTES: Final = 16


def _taken(result: SnapshotTaken, _: View) -> Rendering:
    yield Note(f"@{result.number}: {size_of(result.size)} at {result.offset} in {result.handle}")


def _kept(result: SnapshotList, view: View) -> Rendering:
    for each in result.snapshots:
        name, size = f"@{each.number}", len(each.data)
        if view.terminal:
            yield f"{each.handle:>5}  {name:<5}  {size_of(size)} at {each.offset}"
        else:
            yield f"{each.handle} {name} {size} {each.offset}"
    total = sum(len(each.data) for each in result.snapshots)
    count = len(result.snapshots)
    some = f"{count:,} snapshot{'' if count == 1 else 's'}, {format_size(total)}"
    yield Note(some if count else "no snapshots")


def _kept_json(result: SnapshotList) -> dict[str, Any]:
    return {
        "snapshots": [
            {
                "handle": each.handle,
                "number": each.number,
                "offset": each.offset,
                "size": len(each.data),
            }
            for each in result.snapshots
        ]
    }


def _difference(result: Difference, view: View) -> Rendering:
    each = next(count for least, count in _ROWS if view.columns >= least)
    before, after = result.before, result.after
    shown = differing = done = 0
    for at in differing_rows(before, after, each):
        left, right = before[at : at + each], after[at : at + each]
        offset = result.offset + at
        changed = {offset + n for n in range(len(left)) if left[n] != right[n]}
        differing += len(changed)
        shown += 1
        if view.terminal and shown > _MOST_ROWS:
            continue
        if at > done:
            yield _equal((at - done) // each, view)
        done = at + each
        yield _row(offset, left, right, changed, each, view)
    if differing and shown <= _MOST_ROWS and done < len(before):
        yield _equal(-(-(len(before) - done) // each), view)
    if view.terminal and shown > _MOST_ROWS:
        yield Note(f"… {shown - _MOST_ROWS:,} more rows differ; a pipe gets them all")
    yield Note(_summary(result, differing))


def differing_rows(before: bytes, after: bytes, each: int) -> Iterator[int]:
    """The indices of the rows of `each` bytes that differ."""
    for chunk in range(0, len(before), _CHUNK_BYTES):
        end = chunk + _CHUNK_BYTES
        if before[chunk:end] == after[chunk:end]:
            continue
        for at in range(chunk, min(end, len(before)), each):
            if before[at : at + each] != after[at : at + each]:
                yield at


def _row(offset: int, left: bytes, right: bytes, changed: set[int], each: int, view: View) -> str:
    sides = [_side(data, offset, changed, each, view) for data in (left, right)]
    gap = " " * (1 + each - len(left))
    return f"{view.paint('offset', f'{offset:08x}')} {gap.join(sides)}"


def _equal(count: int, view: View) -> str:
    return view.paint("gap", f"… {count:,} equal row{'' if count == 1 else 's'}")


def _side(data: bytes, offset: int, changed: set[int], each: int, view: View) -> str:
    digits = "".join(
        CHANGED_SIGN + view.paint("changed", f"{byte:02x}")
        if at in changed
        else " " + view.paint(role(byte), f"{byte:02x}")
        for at, byte in enumerate(data, offset)
    )
    blank = " " * (each - len(data)) * 3
    return f"{digits}{blank} │{glyphs(data, view.paint, offset, changed)}│"


def _summary(result: Difference, differing: int) -> str:
    second = "now" if result.second is None else f"@{result.second}"
    count = f"{differing:,} byte{'' if differing == 1 else 's'}" if differing else "nothing"
    verb = "differs" if differing < 2 else "differ"
    where = ""
    if not result.whole:
        end = result.offset + len(result.before)
        where = f"; both have only {result.offset:#x} to {end:#x}"
    return f"@{result.first} and {second}: {count} {verb}{where}"


def _difference_json(result: Difference) -> dict[str, Any]:
    return {
        "handle": result.handle,
        "first": result.first,
        "second": result.second,
        "offset": result.offset,
        "size": len(result.before),
        "changes": [
            {
                "offset": result.offset + start,
                "before": encoded(result.before[start:end]),
                "after": encoded(result.after[start:end]),
            }
            for start, end in runs(result.before, result.after)
        ],
    }


def runs(before: bytes, after: bytes) -> Iterator[tuple[int, int]]:
    """(first index, index after the last) of each run of bytes that differ."""
    start = end = -1
    for row in differing_rows(before, after, _GRAIN_BYTES):
        for at in range(row, min(row + _GRAIN_BYTES, len(before))):
            if before[at] == after[at]:
                continue
            if at != end:
                if end > 0:
                    yield start, end
                start = at
            end = at + 1
    if end > 0:
        yield start, end


RENDERERS: Final[Renderers] = {
    SnapshotTaken: Renderer(_taken),
    SnapshotList: Renderer(_kept, _kept_json),
    Difference: Renderer(_difference, _difference_json),
}
