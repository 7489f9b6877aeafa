"""How rounds of watch, map and top look: a frame on a terminal, line after line elsewhere.

Rule: pure. Changes are painted, and marked with a sign for those who see no colours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from ether_shell.commands.block_map import BlockMap
from ether_shell.commands.reading import Contents
from ether_shell.commands.top import Overview
from ether_shell.commands.watching import Round, Watched
from ether_shell.drawing.byte_classes import CHANGED_SIGN
from ether_shell.drawing.style import Paint, plain
from ether_shell.language.declaration import Result

from .renderer import Frame, Note, Renderer, Renderers, Rendering, View

_NOT_COMPARED = (Contents, BlockMap, Overview)
"""Results that mark their own changes, or are drawings without comparable words."""

_WORD = re.compile(r"\S+")

Render = Callable[[Result, View], Rendering]
AsJson = Callable[[Result], dict[str, Any]]


def renderers(render: Render, as_json: AsJson) -> Renderers:
    """The theme's renderers; the results of a round are rendered by `render` and `as_json`."""

    def a_round(result: Round, view: View) -> Rendering:
        if not view.terminal:
            for each in result.results:
                yield from render(each, view)
            return
        lines = [view.paint("heading", _heading(result)), *_lines(result, view, render)]
        if view.redraws:
            yield Frame(tuple(lines))
        else:
            yield from lines

    def a_round_json(result: Round) -> dict[str, Any]:
        return {"round": result.number, "results": [as_json(each) for each in result.results]}

    return {Round: Renderer(a_round, a_round_json), Watched: Renderer(_watched, _watched_json)}


def _heading(result: Round) -> str:
    return f"every {result.seconds:g} s: {result.line}  ·  round {result.number:,}, Ctrl-C stops"


def _lines(result: Round, view: View, render: Render) -> Iterable[str]:
    for index, each in enumerate(result.results):
        before = result.before[index] if index < len(result.before) else None
        if isinstance(each, _NOT_COMPARED) or before is None:
            yield from texts(render(each, view))
        else:
            bare = replace(view, paint=plain)
            yield from differing(texts(render(before, bare)), texts(render(each, bare)), view.paint)


def texts(rendering: Rendering) -> list[str]:
    """The lines of a rendering, whatever kind each piece is."""
    whole = ""
    for piece in rendering:
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
    """The lines `now`, with the words marked that differ from the line with the same first word."""
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


def _watched(result: Watched, view: View) -> Rendering:
    # The terminal has written ^C into the current line.
    first = "\n" if result.interrupted and view.terminal else ""
    times = "1 round" if result.rounds == 1 else f"{result.rounds:,} rounds"
    yield Note(f"{first}{times} in {result.seconds:.1f} s; changes in {result.changes:,} of them")


def _watched_json(result: Watched) -> dict[str, Any]:
    return {
        "rounds": result.rounds,
        "changes": result.changes,
        "seconds": round(result.seconds, 3),
    }
