"""How the shell's own answers look: help, quit.

Rule: pure.
"""

from __future__ import annotations

from typing import Any, Final

from ether_shell.commands.guide import Leave, Manual

from . import manual
from .look import Look, Looks, Output, View


def _manual(result: Manual, view: View) -> Output:
    if result.topic is not None:
        yield from manual.page(result.topic, view.paint, view.columns)
    else:
        yield from manual.overview(result.sections, view.paint, view.columns)


def _manual_json(result: Manual) -> dict[str, Any]:
    every = (command for section in result.sections for command in section.commands)
    shown = (result.topic,) if result.topic else every
    return {
        "commands": [
            {"name": each.name, "usage": each.usage, "summary": each.summary} for each in shown
        ]
    }


def _leave(_: Leave, __: View) -> Output:
    return iter(())


LOOKS: Final[Looks] = {Manual: Look(_manual, _manual_json), Leave: Look(_leave)}
