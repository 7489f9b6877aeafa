"""How it looks what is shown again and again: a frame on a terminal, line after line elsewhere.

Rule: pure.  What has changed is painted and has a sign before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from ether_shell.commands.live import Round, Watched
from ether_shell.commands.mapping import Mapped
from ether_shell.commands.reading import Contents
from ether_shell.commands.top import Overview
from ether_shell.language.declaration import Result

from .byteclass import CHANGED_SIGN
from .look import Frame, Look, Looks, Note, Output, View
from .style import Paint, plain

_AS_THEY_ARE = (Contents, Mapped, Overview)
"""Results that mark their own changes, or are pictures in which words mean nothing."""

_WORD = re.compile(r"\S+")

Render = Callable[[Result, View], Output]
Shape = Callable[[Result], dict[str, Any]]


def looks(render: Render, shape: Shape) -> Looks:
    """The theme's table; what is shown again is shown by `render`, or as JSON by `shape`."""

    def a_round(result: Round, view: View) -> Output:
        if not view.terminal:
            for each in result.results:
                yield from render(each, view)
            return
        lines = [view.paint("heading", _heading(result)), *_lines(result, view, render)]
        if view.live:
            yield Frame(tuple(lines))
        else:
            yield from lines

    def a_round_json(result: Round) -> dict[str, Any]:
        return {"round": result.number, "results": [shape(each) for each in result.results]}

    return {Round: Look(a_round, a_round_json), Watched: Look(_watched, _watched_json)}


def _heading(result: Round) -> str:
    return f"every {result.seconds:g} s: {result.line}  ·  round {result.number:,}, Ctrl-C stops"


def _lines(result: Round, view: View, render: Render) -> Iterable[str]:
    for index, each in enumerate(result.results):
        before = result.before[index] if index < len(result.before) else None
        if isinstance(each, _AS_THEY_ARE) or before is None:
            yield from texts(render(each, replace(view, live=False)))
        else:
            bare = replace(view, paint=plain, live=False)
            yield from differing(texts(render(before, bare)), texts(render(each, bare)), view.paint)


def texts(output: Output) -> list[str]:
    """The lines of `output`, of whatever kind each is."""
    whole = ""
    for piece in output:
        match piece:
            case str():
                whole += f"{piece}\n"
            case bytes():
                whole += piece.decode("utf-8", "replace")
            case Note():
                whole += f"{piece.text}\n"
            case Frame():
                whole += "".join(f"{line}\n" for line in piece.lines)
    return whole.splitlines()


def differing(before: Iterable[str], now: Iterable[str], paint: Paint) -> Iterable[str]:
    """Lines in which the words are marked that were others in the line of the same name."""
    old = {words[0]: words for line in before if (words := _WORD.findall(line))}
    for line in now:
        words = list(_WORD.finditer(line))
        was = old.get(words[0].group(), []) if words else []
        shown, end = "", 0
        for index, word in enumerate(words):
            gap = line[end : word.start()]
            end = word.end()
            if index < len(was) and was[index] == word.group():
                shown += gap + word.group()
            else:
                shown += gap[:-1] + CHANGED_SIGN + paint("changed", word.group())
        yield shown


def _watched(result: Watched, view: View) -> Output:
    # The terminal has put ^C at the beginning of the line.
    first = "\n" if result.interrupted and view.terminal else ""
    times = "1 round" if result.rounds == 1 else f"{result.rounds:,} rounds"
    yield Note(f"{first}{times} in {result.seconds:.1f} s; changes in {result.changes:,} of them")


def _watched_json(result: Watched) -> dict[str, Any]:
    return {
        "rounds": result.rounds,
        "changes": result.changes,
        "seconds": round(result.seconds, 3),
    }
