"""How it looks that files and blocks were filled from each other: load, dump.

Rule: pure.
"""

from __future__ import annotations

from typing import Any, Final

from ether_shell.commands.files import Dumped, Loaded
from ether_shell.language.escapes import escape

from .look import Look, Looks, Note, Output, View, as_declared
from .measures import size_of


def _loaded(result: Loaded, view: View) -> Output:
    said = f"loaded {size_of(result.size)} at {result.offset} in {result.handle}"
    if result.allocated and not view.terminal:
        yield f"{result.handle}"
    yield Note(f"{said}, which is new" if result.allocated else said)
    yield Note(f"sha256 {result.sha256}")


def _dumped(result: Dumped, view: View) -> Output:
    path = _printable(result.path)
    yield Note(f"dumped {size_of(result.size)} from {result.offset} in {result.handle} to {path}")
    if view.terminal:
        yield Note(f"sha256 {result.sha256}")
    else:
        yield f"{result.sha256}  {path}"


def _json(result: Loaded | Dumped) -> dict[str, Any]:
    return as_declared(result) | {"path": _printable(result.path)}


def _printable(path: str) -> str:
    """A file's name without what a terminal would obey, and without half characters."""
    return path if path.isprintable() else escape(path)


LOOKS: Final[Looks] = {Loaded: Look(_loaded, _json), Dumped: Look(_dumped, _json)}
