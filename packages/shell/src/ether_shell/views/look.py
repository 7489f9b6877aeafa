"""What every view is made of: who looks at it, what is written, and how a type of result is shown.

Rule: no result is known by name here.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

from ether_shell.language.declaration import Result

from .style import Paint, plain


@dataclass(frozen=True, slots=True)
class Note:
    """A line for a person, beside the data."""

    text: str


@dataclass(frozen=True, slots=True)
class Frame:
    """Lines that take the place of the frame shown before."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class View:
    """How the output is looked at: by a person on a `terminal` or by a program, in what colour.

    A `live` terminal can be written over; `pictures` says that drawings are of
    use to whoever looks.  A line has `columns`, a window so many `lines`; what
    is not for a terminal never gets narrower than by default.
    """

    terminal: bool = False
    paint: Paint = plain
    columns: int = 80
    lines: int = 24
    live: bool = False
    pictures: bool = False


Output = Iterator[str | bytes | Note | Frame]
"""A `str` is a line of data, `bytes` are data to the letter, a `Note` is no data.

Only a live view gets a `Frame`.
"""


def encoded(value: Any) -> Any:
    """`value` as JSON can say it: bytes are base64."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def as_declared(result: Any) -> dict[str, Any]:
    """The fields of a result, in their order."""
    return {field.name: encoded(getattr(result, field.name)) for field in fields(result)}


@dataclass(frozen=True, slots=True)
class Look:
    """How one type of result is shown: as `text` to a person or a pipe, and as a JSON object."""

    text: Callable[[Any, View], Output]
    json: Callable[[Any], dict[str, Any]] = as_declared


Looks = dict[type[Result], Look]
"""A theme's table: its results by type."""
