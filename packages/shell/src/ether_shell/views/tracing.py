"""How traced messages look: trace.

Rule: pure; it shows messages as `ether_protocol` describes them, without secrets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ether_protocol import Traced, format_fields
from ether_shell.commands.tracing import TraceSaved, Tracing
from ether_shell.drawing.style import Paint

from .renderer import Note, Renderer, Renderers, Rendering, View

_INDENT = "    "


def traced(message: Traced, paint: Paint, *, brief: bool) -> Iterator[str]:
    """The lines for one message: a summary and, unless `brief`, its fields."""
    if brief:
        yield paint("zero", str(message))
        return
    yield paint("sent" if message.sent else "received", str(message))
    for line in format_fields(message.fields).splitlines():
        yield f"{_INDENT}{line}"


def _tracing(result: Tracing, _: View) -> Rendering:
    state = "on" if result.on else "off"
    yield Note(f"trace is {state}; {result.kept:,} messages are kept")


def _saved(result: TraceSaved, _: View) -> Rendering:
    yield Note(f"saved {result.messages:,} messages")


RENDERERS: Final[Renderers] = {Tracing: Renderer(_tracing), TraceSaved: Renderer(_saved)}
