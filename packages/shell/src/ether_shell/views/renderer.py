"""What every view is made of: where it is shown, what it writes, and how a result is rendered.

Rule: no command and no type of result is known here.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

from ether_shell.drawing.style import Paint, plain
from ether_shell.language.declaration import Result


@dataclass(frozen=True, slots=True)
class Note:
    """A line for the user that is not data."""

    text: str


@dataclass(frozen=True, slots=True)
class Frame:
    """Lines that replace the previous frame."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class View:
    """Where a result is shown: on a `terminal` or in a pipe, and in which colours.

    A terminal that `redraws` can replace what it shows, so it gets frames and drawings. `columns`
    and `lines` are the size of the window; outside a terminal they are the default.
    """

    terminal: bool = False
    paint: Paint = plain
    columns: int = 80
    lines: int = 24
    redraws: bool = False


Rendering = Iterator[str | bytes | Note | Frame]
"""A `str` is a line of data, `bytes` are data as they are, a `Note` is not data.

Only a view that redraws gets a `Frame`.
"""


def encoded(value: Any) -> Any:
    """`value` for JSON: bytes become base64."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def as_declared(result: Any) -> dict[str, Any]:
    """The fields of a result, in their order."""
    return {field.name: encoded(getattr(result, field.name)) for field in fields(result)}


@dataclass(frozen=True, slots=True)
class Renderer:
    """How one type of result is shown: as text, on a terminal or in a pipe, and as JSON."""

    text: Callable[[Any, View], Rendering]
    json: Callable[[Any], dict[str, Any]] = as_declared


Renderers = dict[type[Result], Renderer]
"""A theme's table: its results by type."""
