"""How transfers between files and blocks look: load, dump.

Rule: pure.
"""

from __future__ import annotations

from typing import Any, Final

from ether_shell.commands.files import Dumped, Loaded
from ether_shell.drawing.measures import size_of
from ether_shell.language.escapes import escape

from .renderer import Note, Renderer, Renderers, Rendering, View, as_declared


def _loaded(result: Loaded, view: View) -> Rendering:
    said = f"loaded {size_of(result.size)} at {result.offset} in {result.handle}"
    if result.allocated and not view.terminal:
        yield f"{result.handle}"
    yield Note(f"{said}, which is new" if result.allocated else said)
    yield Note(f"sha256 {result.sha256}")


def _dumped(result: Dumped, view: View) -> Rendering:
    path = _printable(result.path)
    yield Note(f"dumped {size_of(result.size)} from {result.offset} in {result.handle} to {path}")
    if view.terminal:
        yield Note(f"sha256 {result.sha256}")
    else:
        yield f"{result.sha256}  {path}"


def _json(result: Loaded | Dumped) -> dict[str, Any]:
    return as_declared(result) | {"path": _printable(result.path)}


def _printable(path: str) -> str:
    """A file name, escaped where a terminal could not show it safely."""
    return path if path.isprintable() else escape(path)


RENDERERS: Final[Renderers] = {Loaded: Renderer(_loaded, _json), Dumped: Renderer(_dumped, _json)}
