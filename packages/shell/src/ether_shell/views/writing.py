"""How the results of write, fill and copy look.

Rule: pure.
"""

from __future__ import annotations

from typing import Final

from ether_shell.commands.writing import Copied, Filled, Written
from ether_shell.drawing.measures import size_of

from .renderer import Note, Renderer, Renderers, Rendering, View


def _written(result: Written, _: View) -> Rendering:
    yield Note(f"wrote {size_of(result.size)} at {result.offset} in {result.handle}")


def _filled(result: Filled, _: View) -> Rendering:
    yield Note(
        f"filled {size_of(result.size)} at {result.offset} in {result.handle}"
        f" with 0x{result.byte:02x}"
    )


def _copied(result: Copied, _: View) -> Rendering:
    yield Note(
        f"copied {size_of(result.size)} from {result.source_offset} in {result.source}"
        f" to {result.offset} in {result.handle}"
    )


RENDERERS: Final[Renderers] = {
    Written: Renderer(_written),
    Filled: Renderer(_filled),
    Copied: Renderer(_copied),
}
