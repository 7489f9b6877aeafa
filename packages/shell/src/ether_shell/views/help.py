"""How help looks, and that leaving shows nothing: help, quit.

Rule: pure.
"""

from __future__ import annotations

from typing import Any, Final

from ether_shell.commands.help import Leave, Manual
from ether_shell.drawing import help_pages

from .renderer import Renderer, Renderers, Rendering, View


def _manual(result: Manual, view: View) -> Rendering:
    if result.topic is not None:
        yield from help_pages.page(result.topic, view.paint, view.columns)
    else:
        yield from help_pages.overview(result.sections, view.paint, view.columns)


def _manual_json(result: Manual) -> dict[str, Any]:
    every = (command for section in result.sections for command in section.commands)
    shown = (result.topic,) if result.topic else every
    return {
        "commands": [
            {"name": each.name, "usage": each.usage, "summary": each.summary} for each in shown
        ]
    }


def _leave(_: Leave, __: View) -> Rendering:
    return iter(())


RENDERERS: Final[Renderers] = {Manual: Renderer(_manual, _manual_json), Leave: Renderer(_leave)}
