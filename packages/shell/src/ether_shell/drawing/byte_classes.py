"""Kinds of byte (zero, printable, white space …), each with a glyph and a colour, as in hexyl.

Rule: one table of 256 entries; the glyphs alone tell the kinds apart.
"""

from __future__ import annotations

from collections.abc import Container
from itertools import groupby
from typing import Final

from .style import Paint

CHANGED_SIGN: Final = ">"
"""Marks what has changed."""


def _class(byte: int) -> tuple[str, str]:
    if byte == 0:
        return "⋄", "null"
    if byte > 0x7F:
        return "×", "high"
    if byte == 0x20:
        return " ", "space"
    if byte in b"\t\n\v\f\r":
        return "_", "space"
    return (chr(byte), "printable") if 0x20 < byte < 0x7F else ("•", "control")


_CLASSES: Final = tuple(_class(byte) for byte in range(256))


def role(byte: int) -> str:
    """The role of a byte, which has a colour."""
    return _CLASSES[byte][1]


def glyphs(
    data: bytes, paint: Paint, offset: int = 0, changed: Container[int] = frozenset()
) -> str:
    """A glyph for each byte of `data`, which begins at `offset`."""
    shown = [
        (_CLASSES[byte][0], "changed" if at in changed else role(byte))
        for at, byte in enumerate(data, offset)
    ]
    return "".join(
        paint(name, "".join([glyph for glyph, _ in run]))
        for name, run in groupby(shown, key=lambda each: each[1])
    )
