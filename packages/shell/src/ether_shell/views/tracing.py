"""How messages on their way look: trace.

Rule: pure; nothing of a message is shown but what `ether_protocol` made of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ether_protocol import Traced, format_fields
from ether_shell.commands.tracing import TraceSaved, Tracing

from .look import Look, Looks, Note, Output, View
from .style import Paint

_INDENT = "    "


def traced(message: Traced, paint: Paint, *, brief: bool) -> Iterator[str]:
    """The lines for one message: what it is, and unless `brief` its fields."""
    if brief:
        yield paint("zero", str(message))
        return
    yield paint("sent" if message.sent else "received", str(message))
    for line in format_fields(message.fields).splitlines():
        yield f"{_INDENT}{line}"


def _tracing(result: Tracing, _: View) -> Output:
    state = "on" if result.on else "off"
    yield Note(f"trace is {state}; {result.kept:,} messages are kept")


def _saved(result: TraceSaved, _: View) -> Output:
    yield Note(f"saved {result.messages:,} messages")


LOOKS: Final[Looks] = {Tracing: Look(_tracing), TraceSaved: Look(_saved)}
