"""The format of `x`, as in gdb: `32xb` is a count, a letter and a unit.

Rule: pure. The letters are in two tables, from which help and errors are made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from .declaration import Kind, Variables
from .grammar import Token

LETTERS: Final = {
    "x": "hex",
    "d": "decimal",
    "u": "unsigned",
    "t": "binary",
    "c": "characters",
    "s": "strings that end in a zero byte",
}
"""How a value is written."""

UNITS: Final = {"b": 1, "h": 2, "w": 4, "g": 8}
"""Bytes of a value: byte, half word, word, giant."""

_SHAPE = re.compile(r"(\d*)([a-z]*)")
_MAX_COUNT: Final = 2**63

MAX_STRINGS: Final = 65_536
"""All strings are found before one is shown, and even an empty one takes memory."""


@dataclass(frozen=True, slots=True)
class Format:
    """`count` values of `unit_bytes` bytes, or strings, in the form `letter`."""

    count: int
    letter: str
    unit_bytes: int = 1

    @property
    def size(self) -> int:
        """The bytes of all values; for strings it has no meaning."""
        return self.count * self.unit_bytes

    def __str__(self) -> str:
        unit = next(name for name, size in UNITS.items() if size == self.unit_bytes)
        return f"{self.count}{self.letter}{'' if self.letter in 'cs' else unit}"


DEFAULT: Final = Format(64, "x")
"""What `x` alone shows."""


def parse_format(text: str) -> Format:
    """Parse a format. Raises ValueError with a message for the user."""
    match = _SHAPE.fullmatch(text.lower())
    if match is None:
        raise ValueError(f"{text!r} is not a format: a count, a letter and a unit, as in 32xb")
    letter = unit = ""
    for each in match.group(2):
        if each in LETTERS and not letter:
            letter = each
        elif each in UNITS and not unit:
            unit = each
        else:
            raise ValueError(f"{each!r} has no place in {text}: {_known()}")
    letter = letter or "x"
    if letter in "cs" and unit not in ("", "b"):
        raise ValueError(f"{letter} goes by bytes, without {unit}")
    count = int(match.group(1) or 1)
    if not 1 <= count < _MAX_COUNT:
        raise ValueError(f"{match.group(1)} is not a count")
    if letter == "s" and count > MAX_STRINGS:
        raise ValueError(f"{count:,} strings are too many at once: at most {MAX_STRINGS:,}")
    return Format(count, letter, UNITS[unit or "b"])


def _known() -> str:
    return f"one of {' '.join(LETTERS)}, then one of {' '.join(UNITS)}"


def _parse(token: Token, _: Variables) -> Format:
    return parse_format(token.text)


FORMAT: Final = Kind(_parse)
