"""Commands that show something again and again as it changes: watch.

Rule: Ctrl-C is how a person ends one, so it ends with a summary and no error;
in a script it ends the script too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Final

from ether_shell.context import Context
from ether_shell.language.binding import Bound, bind
from ether_shell.language.declaration import Argument, Command, Example, Option, Result, Results
from ether_shell.language.values import COUNT, LINE, SECONDS, Line
from ether_shell.problems import Misuse

from .blocks import Listing
from .ranges import Part, Piece
from .reading import Contents
from .stopping import polite_interrupt

_HELD_BYTES: Final = 1024 * 1024
"""Two rounds are held at a time, and compared byte by byte."""


@dataclass(frozen=True, slots=True)
class Round(Result):
    """What a command gave back in round `number`, and in the round before."""

    number: int
    seconds: float
    line: str
    results: tuple[Result, ...]
    before: tuple[Result, ...]


@dataclass(frozen=True, slots=True)
class Watched(Result):
    """How many rounds there were in how many `seconds`, and in how many something changed."""

    rounds: int
    changes: int
    seconds: float
    interrupted: bool


def watch(context: Context, seconds: float, command: Line, count: int | None) -> Results:
    """Run a command every so many seconds and show what it changes."""
    bound = _watchable(context, command)

    def once() -> tuple[Result, ...]:
        return tuple(settled(result) for result in bound.command.run(context, **bound.values))

    yield from rounds(context, seconds, command.text, once, count)
    context.next_line = ""


def _watchable(context: Context, line: Line) -> Bound:
    """The command that `line` is; raises Misuse for one that is not only for looking."""
    try:
        bound = bind(context.catalogue, line.text, context.session.variables)
    except Misuse as error:
        raise Misuse(str(error), None if error.at is None else error.at + line.at) from None
    assert bound is not None  # a token of it was there
    command = bound.command
    lasting = any(option.lasting and bound.values[option.parameter] for option in command.options)
    if not _only_looks(command) or lasting:
        raise Misuse(f"{command.name} is not for watching: it must only look", line.at)
    return bound


def _only_looks(command: Command) -> bool:
    return not (command.changes or command.local or command.lasting)


def rounds(
    context: Context,
    seconds: float,
    line: str,
    once: Callable[[], tuple[Result, ...]],
    count: int | None = None,
) -> Results:
    """A Round of what `once` gives every `seconds`, `count` times or until Ctrl-C."""
    start = time.monotonic()
    number = changes = 0
    before: tuple[Result, ...] = ()
    with polite_interrupt() as stopping:
        try:
            while not stopping.asked and (count is None or number < count):
                if number:
                    stopping.sleep(max(0.0, start + number * seconds - time.monotonic()))
                now = once()
                number += 1
                changes += bool(before) and now != before
                yield Round(number, seconds, line, _marked(now, before), before)
                before = now
        except KeyboardInterrupt:
            stopping.asked = True
    interrupted = stopping.asked
    yield Watched(number, changes, time.monotonic() - start, interrupted)
    if interrupted and not context.interactive:
        raise KeyboardInterrupt


def settled(result: Result) -> Result:
    """`result` with all that it fetches as it is taken; raises Misuse for too much to hold."""
    match result:
        case Contents(size=size) if size > _HELD_BYTES:
            raise Misuse(f"{size:,} bytes are too many to watch: at most {_HELD_BYTES:,}")
        case Contents():
            return replace(result, parts=tuple(result.parts))
        case Listing():
            return replace(result, blocks=tuple(result.blocks))
        case _:
            return result


def _marked(now: tuple[Result, ...], before: tuple[Result, ...]) -> tuple[Result, ...]:
    """Results with the bytes marked that were others `before`."""
    return tuple(
        replace(result, changed=changed_offsets(old.parts, result.parts))
        if isinstance(result, Contents) and isinstance(old, Contents)
        else result
        for result, old in zip_longest(now, before[: len(now)])
    )


def changed_offsets(before: Iterable[Part], now: Iterable[Part]) -> frozenset[int]:
    """The offsets of bytes that are `now` other than `before`, or were not there."""
    old = {part.offset: part.data for part in before if isinstance(part, Piece)}
    changed: set[int] = set()
    for part in now:
        if not isinstance(part, Piece):
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


WATCH: Final = Command(
    "watch",
    "run a command again and again, and mark changes",
    watch,
    (
        Argument("seconds", SECONDS, "from one round to the next, such as 1 or 0.2"),
        Argument(
            "command",
            LINE,
            "one that only looks: read, x, stats, info …",
            rest=True,
            suits=_only_looks,
        ),
    ),
    (Option("count", "stop after so many rounds; else Ctrl-C stops it", COUNT),),
    (
        Example("watch --count 2 0.1 x/64xb $_", "two looks at a block"),
        Example("watch --count 3 0.1 stats", "how the counters run"),
    ),
    "What has changed since the round before has > before it, and is in reverse. A terminal "
    "is written over, a pipe gets one result after the other. Options stand before the command.",
    lasting=True,
)
