"""Colours by role, and the other escape sequences that the shell sends to a terminal.

Rule: every escape sequence is written here, except those of prompt_toolkit. Without colour a
painted text is the text itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

Paint = Callable[[str, str], str]
"""Called with a role and a text; returns the text in the colour of that role."""

_SGR = {
    "offset": "2",
    "zero": "2",
    "gap": "33",
    "error": "31",
    "heading": "1",
    "name": "36",
    "sent": "36",
    "received": "32",
    "changed": "7",
    "own": "32",
    "null": "90",
    "printable": "36",
    "space": "32",
    "control": "35",
    "high": "33",
}
_RESET = "\x1b[0m"

CLEAR_LINE = "\r\x1b[K"
"""Goes to the beginning of the line and clears it."""

_ANY_SGR = re.compile("\x1b\\[[0-9;]*m")


_DUMB = ("", "dumb", "unknown")


def is_dumb(environment: Mapping[str, str]) -> bool:
    """Whether the terminal does not understand escape sequences."""
    return environment.get("TERM", "") in _DUMB


def plain(_: str, text: str) -> str:
    """No colour."""
    return text


def coloured(role: str, text: str) -> str:
    """`text` in the colour of `role`."""
    return f"\x1b[{_SGR[role]}m{text}{_RESET}"


def move_up_and_clear(rows: int) -> str:
    """Goes up `rows` and clears the screen from there on; empty for 0 rows."""
    return f"\x1b[{rows}A\x1b[J" if rows else ""


def without_colour(text: str) -> str:
    """`text` without what `coloured` puts around it."""
    return _ANY_SGR.sub("", text)


def painter(colour: bool) -> Paint:
    """The function that paints, or does not."""
    return coloured if colour else plain
