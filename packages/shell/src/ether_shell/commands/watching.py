"""Commands that show a result again and again: watch, and the loop that map and top share.

Rule: Ctrl-C is the normal way to stop, so it ends with a summary and no error; in a script it
ends the script too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Final

from ether_shell.language.binding import Bound, bind
from ether_shell.language.declaration import (
    Argument,
    Example,
    Option,
    Result,
    Results,
    ShellCommand,
)
from ether_shell.language.values import COUNT, LINE, SECONDS, NestedLine
from ether_shell.operations.interrupts import deferred_interrupt
from ether_shell.operations.ranges import DataPart, Part
from ether_shell.problems import UsageError
from ether_shell.session.context import Context

from .blocks import Listing
from .reading import Contents

_HELD_BYTES: Final = 1024 * 1024
"""The largest result that is watched; two rounds are held and compared byte by byte."""


@dataclass(frozen=True, slots=True)
class Round(Result):
    """The results of a command in round `number`, and in the round before."""

    number: int
    seconds: float
    line: str
    results: tuple[Result, ...]
    before: tuple[Result, ...]


@dataclass(frozen=True, slots=True)
class Watched(Result):
    """The number of rounds, in how many of them something changed, and how long it took."""

    rounds: int
    changes: int
    seconds: float
    interrupted: bool


def watch(context: Context, seconds: float, command: NestedLine, count: int | None) -> Results:
    """Run a command every so many seconds, and mark what has changed."""
    bound = _watchable(context, command)

    def once() -> tuple[Result, ...]:
        return tuple(fetched_whole(result) for result in bound.command.run(context, **bound.values))

    yield from rounds(context, seconds, command.text, once, count)
    context.next_line = ""


def _watchable(context: Context, line: NestedLine) -> Bound:
    """Bind `line`; raises UsageError for a command that does more than read."""
    try:
        bound = bind(context.catalogue, line.text, context.session.variables)
    except UsageError as error:
        raise UsageError(str(error), None if error.at is None else error.at + line.at) from None
    assert bound is not None  # the line is not empty
    command = bound.command
    endless = any(
        option.runs_until_stopped and bound.values[option.parameter] for option in command.options
    )
    if not _only_reads(command) or endless:
        raise UsageError(f"{command.name} is not for watching: the command must only read", line.at)
    return bound


def _only_reads(command: ShellCommand) -> bool:
    return not (command.changes or command.local or command.runs_until_stopped)


def rounds(
    context: Context,
    seconds: float,
    line: str,
    once: Callable[[], tuple[Result, ...]],
    count: int | None = None,
) -> Results:
    """A Round with the results of `once` every `seconds`, `count` times or until Ctrl-C."""
    start = time.monotonic()
    number = changes = 0
    before: tuple[Result, ...] = ()
    with deferred_interrupt() as stopping:
        try:
            while not stopping.requested and (count is None or number < count):
                if number:
                    stopping.sleep(max(0.0, start + number * seconds - time.monotonic()))
                now = once()
                number += 1
                changes += bool(before) and now != before
                yield Round(number, seconds, line, _marked(now, before), before)
                before = now
        except KeyboardInterrupt:
            stopping.requested = True
    interrupted = stopping.requested
    yield Watched(number, changes, time.monotonic() - start, interrupted)
    if interrupted and not context.interactive:
        raise KeyboardInterrupt


def fetched_whole(result: Result) -> Result:
    """`result` with everything that it fetches lazily; raises UsageError where that is too much."""
    match result:
        case Contents(size=size) if size > _HELD_BYTES:
            raise UsageError(f"{size:,} bytes are too many to watch: at most {_HELD_BYTES:,}")
        case Contents():
            return replace(result, parts=tuple(result.parts))
        case Listing():
            return replace(result, blocks=tuple(result.blocks))
        case _:
            return result


def _marked(now: tuple[Result, ...], before: tuple[Result, ...]) -> tuple[Result, ...]:
    """The results with the bytes marked that are not as `before`."""
    return tuple(
        replace(result, changed=changed_offsets(old.parts, result.parts))
        if isinstance(result, Contents) and isinstance(old, Contents)
        else result
        for result, old in zip_longest(now, before[: len(now)])
    )


def changed_offsets(before: Iterable[Part], now: Iterable[Part]) -> frozenset[int]:
    """The offsets of bytes that are new or changed."""
    old = {part.offset: part.data for part in before if isinstance(part, DataPart)}
    changed: set[int] = set()
    for part in now:
        if not isinstance(part, DataPart):
            continue
        was = old.get(part.offset, b"")
        if was == part.data:
            continue
        changed.update(
            part.offset + at
            for at, byte in enumerate(part.data)
            if at >= len(was) or byte != was[at]
        )
    return frozenset(changed)


WATCH: Final = ShellCommand(
    "watch",
    "run a command again and again, and mark changes",
    watch,
    (
        Argument("seconds", SECONDS, "from one round to the next, such as 1 or 0.2"),
        Argument(
            "command",
            LINE,
            "one that only reads: read, x, stats, info …",
            rest=True,
            accepts=_only_reads,
        ),
    ),
    (Option("count", "stop after so many rounds; default: until Ctrl-C", COUNT),),
    (
        Example("watch --count 2 0.1 x/64xb $_", "look at a block twice"),
        Example("watch --count 3 0.1 stats", "watch the counters"),
    ),
    "What has changed since the last round has > before it and is in reverse. A terminal is "
    "redrawn, a pipe gets one result after the other. Options go before the command.",
    runs_until_stopped=True,
)
