"""How the result of undo looks. (`mine` gives a Listing, as `list` does.)

Rule: pure.
"""

from __future__ import annotations

from typing import Final

from ether_shell.commands.own import Undone
from ether_shell.drawing.measures import size_of

from .renderer import Note, Renderer, Renderers, Rendering, View


def _undone(result: Undone, _: View) -> Rendering:
    yield Note(f"{size_of(result.size)} at {result.offset} in {result.handle} are as they were")


RENDERERS: Final[Renderers] = {Undone: Renderer(_undone)}
