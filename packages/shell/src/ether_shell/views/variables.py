"""How variables look: let, unset.

Rule: pure.
"""

from __future__ import annotations

from typing import Final

from ether_shell.commands.variables import VariableList
from ether_shell.drawing.layout import pairs

from .renderer import Note, Renderer, Renderers, Rendering, View


def _variables(result: VariableList, view: View) -> Rendering:
    yield from pairs({f"${name}": str(value) for name, value in result.variables.items()})
    if not result.variables and view.terminal:
        yield Note("no variables")


RENDERERS: Final[Renderers] = {VariableList: Renderer(_variables)}
