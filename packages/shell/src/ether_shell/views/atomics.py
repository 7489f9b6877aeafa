"""How the results of swap and add look.

Rule: pure.
"""

from __future__ import annotations

from typing import Final

from ether_shell.commands.atomics import Added, Compared

from .renderer import Note, Renderer, Renderers, Rendering, View


def _compared(result: Compared, view: View) -> Rendering:
    found = f"0x{result.found.hex()}"
    if not view.terminal:
        yield found
        yield Note("swapped" if result.swapped else "not swapped")
    else:
        yield f"swapped, {found} stood there" if result.swapped else f"not swapped: it is {found}"


def _added(result: Added, view: View) -> Rendering:
    yield f"was {result.before}, is {result.after}" if view.terminal else f"{result.before}"


RENDERERS: Final[Renderers] = {Compared: Renderer(_compared), Added: Renderer(_added)}
