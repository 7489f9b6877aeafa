"""Commands about what a block held before: snap, diff.

Rule: what is compared is what was seen; only `diff` against now reads again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ether_shell.context import Context
from ether_shell.language.declaration import Argument, Command, Example, Option, Result, Results
from ether_shell.language.values import HANDLE, SIZE, SNAPSHOT
from ether_shell.problems import Incomplete, Misuse
from ether_shell.snapshots import MOST_BYTES, Snapshot

from .arguments import BLOCK
from .ranges import Piece
from .reading import Contents


@dataclass(frozen=True, slots=True)
class Taken(Result):
    """A copy of `size` bytes from `offset` on is kept as snapshot `number` of a block."""

    handle: int
    number: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Kept(Result):
    """All snapshots that there are."""

    snapshots: tuple[Snapshot, ...]


@dataclass(frozen=True, slots=True)
class Difference(Result):
    """The bytes from `offset` on that snapshot `first` and snapshot `second`, or now, both have.

    `whole` says that both have no others.
    """

    handle: int
    first: int
    second: int | None
    offset: int
    before: bytes
    after: bytes
    whole: bool


def snap(context: Context, handle: int | None, length: int | None, at: int) -> Results:
    """Keep a copy of what a block holds, or list the copies."""
    if handle is None:
        yield Kept(tuple(context.snapshots.kept(context.home)))
        return
    if length is None:
        length = max(0, context.client.info(handle).size - at)
    if length > MOST_BYTES:
        raise Misuse(f"snapshots hold 64 MiB, and these are {length:,} bytes: name a LENGTH")
    taken = keep(context, handle, at, context.client.read(handle, length, at))
    if taken is None:
        raise Misuse("snapshots hold 64 MiB: name a smaller LENGTH")
    yield Taken(handle, taken.number, taken.offset, len(taken.data))


def keep(context: Context, handle: int, offset: int, data: bytes) -> Snapshot | None:
    """Take a snapshot; None where it is too large."""
    return context.snapshots.take(context.home, handle, offset, data)


def keep_shown(context: Context, result: Result) -> None:
    """Take a snapshot of what a person has just been shown, if it was shown whole."""
    if not isinstance(result, Contents) or not isinstance(result.parts, tuple):
        return
    match result.parts:
        case (Piece(data=data),) if len(data) == result.size > 0:
            keep(context, result.handle, result.offset, data)


def diff(context: Context, handle: int, first: int | None, second: int | None) -> Results:
    """Compare two snapshots, or one with the block as it is now."""
    before = _found(context, handle, first)
    if second is None:
        data = context.client.read(handle, len(before.data), before.offset)
        after = Snapshot(handle, 0, before.offset, data)
    else:
        after = _found(context, handle, second)
    start, end = max(before.offset, after.offset), min(before.end, after.end)
    if end <= start:
        raise Misuse(f"@{before.number} and {_name(second)} have no byte in common")
    yield Difference(
        handle,
        before.number,
        second,
        start,
        before.data[start - before.offset : end - before.offset],
        after.data[start - after.offset : end - after.offset],
        (before.offset, before.end) == (after.offset, after.end),
    )


def _name(number: int | None) -> str:
    return "what is there now" if number is None else f"@{number}"


def _found(context: Context, handle: int, number: int | None) -> Snapshot:
    home = context.home
    if number is None:
        found = context.snapshots.newest(home, handle)
    else:
        found = context.snapshots.find(home, handle, number)
    if found is None:
        which = "no snapshot" if number is None else f"no snapshot @{number}, or no longer"
        raise Incomplete(f"there is {which} of block {handle}: snap takes one, snap alone lists")
    return found


SNAP: Final = Command(
    "snap",
    "keep a copy of what a block holds, for diff",
    snap,
    (
        Argument("handle", HANDLE, "the block; left out, snap lists the copies", False),
        Argument("length", SIZE, "how many bytes; to the block's end if left out", False),
    ),
    (Option("at", "first byte of the range in the block (0)", SIZE, default=0),),
    (
        Example("snap $_", "all of it"),
        Example("snap $_ 64 --at 16", "a range"),
        Example("snap", "which ones there are"),
    ),
    "Copies are numbered for each block: @1, @2 … On a terminal every read and x that is shown "
    "whole takes one too. Together they hold at most 64 MiB in the shell's memory; the oldest "
    "go first.",
)
DIFF: Final = Command(
    "diff",
    "what has changed between two looks at a block",
    diff,
    (
        BLOCK,
        Argument("first", SNAPSHOT, "a snapshot, such as @1; the newest if left out", False),
        Argument("second", SNAPSHOT, "another, such as @3; what is there now if left out", False),
    ),
    examples=(
        Example("diff $_", "since I last looked"),
        Example("diff $_ @1 @2", "between two looks"),
    ),
    detail="Side by side, without the rows that are equal; what differs is in reverse and has > "
    "before it. Compared are the bytes that both have.",
)
