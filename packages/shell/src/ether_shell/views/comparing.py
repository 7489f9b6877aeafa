"""How it looks what has changed in a block: both sides, without what is equal.

    00000010  68>65 6c 6c 6f 00 00 00 │hello⋄⋄⋄│  68>41 6c 6c 6f 00 00 00 │hAllo⋄⋄⋄│
    … 12 equal rows

Rule: pure, and row by row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ether_protocol import format_size
from ether_shell.commands.comparing import Difference, Kept, Taken

from .byteclass import CHANGED_SIGN, glyphs, role
from .look import Look, Looks, Note, Output, View, encoded
from .measures import size_of

_ROWS: Final = ((142, 16), (78, 8), (0, 4))
"""From so many columns on, a row has so many bytes on each side."""


def _taken(result: Taken, _: View) -> Output:
    yield Note(f"@{result.number}: {size_of(result.size)} at {result.offset} in {result.handle}")


def _kept(result: Kept, view: View) -> Output:
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


def _kept_json(result: Kept) -> dict[str, Any]:
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


def _difference(result: Difference, view: View) -> Output:
    each = next(count for least, count in _ROWS if view.columns >= least)
    equal = differing = 0
    for at in range(0, len(result.before), each):
        before, after = result.before[at : at + each], result.after[at : at + each]
        if before == after:
            equal += 1
            continue
        if equal:
            yield _equal(equal, view)
            equal = 0
        offset = result.offset + at
        changed = {offset + n for n in range(len(before)) if before[n] != after[n]}
        differing += len(changed)
        left, right = (_side(data, offset, changed, each, view) for data in (before, after))
        gap = " " * (1 + each - len(before))
        yield f"{view.paint('offset', f'{offset:08x}')} {left}{gap}{right}"
    if equal and differing:
        yield _equal(equal, view)
    yield Note(_summary(result, differing))


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
    """(first index, index behind the last) of each run of bytes that differ."""
    start: int | None = None
    for at, (old, new) in enumerate(zip(before, after, strict=True)):
        if old != new and start is None:
            start = at
        elif old == new and start is not None:
            yield start, at
            start = None
    if start is not None:
        yield start, len(before)


LOOKS: Final[Looks] = {
    Taken: Look(_taken),
    Kept: Look(_kept, _kept_json),
    Difference: Look(_difference, _difference_json),
}
