"""Commands that compare a block with what it held before: snap, diff.

Rule: snapshots are compared as they were taken; only `diff` against now reads the block again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ether_shell.language.declaration import (
    Argument,
    Example,
    Option,
    Result,
    Results,
    ShellCommand,
)
from ether_shell.language.values import HANDLE, SIZE, SNAPSHOT
from ether_shell.operations.ranges import DataPart
from ether_shell.problems import Incomplete, UsageError
from ether_shell.session.context import Context
from ether_shell.session.snapshots import MOST_BYTES, Snapshot

from .arguments import BLOCK
from .reading import Contents


@dataclass(frozen=True, slots=True)
class SnapshotTaken(Result):
    """A copy of `size` bytes from `offset` on is kept as snapshot `number` of a block."""

    handle: int
    number: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class SnapshotList(Result):
    """All snapshots."""

    snapshots: tuple[Snapshot, ...]


@dataclass(frozen=True, slots=True)
class Difference(Result):
    """The bytes from `offset` on that are in both snapshots, `first` and `second`.

    `second` is None for the block as it is now. `whole` says that both have the same range.
    """

    handle: int
    first: int
    second: int | None
    offset: int
    before: bytes
    after: bytes
    whole: bool


def snap(context: Context, handle: int | None, length: int | None, at: int) -> Results:
    """Take a snapshot of a block, or list the snapshots."""
    if handle is None:
        yield SnapshotList(tuple(context.snapshots.kept(context.instance)))
        return
    if length is None:
        length = max(0, context.client.info(handle).size - at)
    if length > MOST_BYTES:
        raise UsageError(f"snapshots hold 64 MiB, and these are {length:,} bytes: name a LENGTH")
    taken = keep(context, handle, at, context.client.read(handle, length, at))
    if taken is None:
        raise UsageError("snapshots hold 64 MiB: name a smaller LENGTH")
    yield SnapshotTaken(handle, taken.number, taken.offset, len(taken.data))


def keep(context: Context, handle: int, offset: int, data: bytes) -> Snapshot | None:
    """Take a snapshot; returns None where it is too large."""
    return context.snapshots.take(context.instance, handle, offset, data)


def keep_shown(context: Context, result: Result) -> None:
    """Take a snapshot of what was just shown, if nothing of it was left out."""
    if not isinstance(result, Contents) or not isinstance(result.parts, tuple):
        return
    match result.parts:
        case (DataPart(data=data),) if len(data) == result.size > 0:
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
        raise UsageError(f"@{before.number} and {_name(second)} have no byte in common")
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
    instance = context.instance
    if number is None:
        found = context.snapshots.newest(instance, handle)
    else:
        found = context.snapshots.find(instance, handle, number)
    if found is None:
        which = "no snapshot" if number is None else f"no snapshot @{number}, or no longer"
        raise Incomplete(
            f"there is {which} of block {handle}: snap takes one, snap alone lists them"
        )
    return found


SNAP: Final = ShellCommand(
    "snap",
    "take a snapshot of a block, for diff",
    snap,
    (
        Argument("handle", HANDLE, "the block; default: list the snapshots", False),
        Argument("length", SIZE, "how many bytes; default: to the end of the block", False),
    ),
    (Option("at", "first byte of the range in the block (0)", SIZE, default=0),),
    (
        Example("snap $_", "all of it"),
        Example("snap $_ 64 --at 16", "a range"),
        Example("snap", "list all snapshots"),
    ),
    "The snapshots of each block are numbered: @1, @2 … On a terminal every read and x that is "
    "shown whole takes one too. Together they take at most 64 MiB of the shell's memory; the "
    "oldest go first.",
)
DIFF: Final = ShellCommand(
    "diff",
    "show what has changed in a block",
    diff,
    (
        BLOCK,
        Argument("first", SNAPSHOT, "a snapshot, such as @1; default: the newest", False),
        Argument("second", SNAPSHOT, "another, such as @3; default: the block as it is now", False),
    ),
    examples=(
        Example("diff $_", "what has changed since the last snapshot"),
        Example("diff $_ @1 @2", "what differs between two snapshots"),
    ),
    detail="Side by side, without equal rows. Bytes that differ are in reverse and have > before "
    "them. Only bytes that are in both are compared.",
)
