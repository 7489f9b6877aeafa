r"""Backslash escapes in both directions: `\n` to a byte, and bytes to text that is safe to show.

Rule: one table of escapes. What `escape` writes, the grammar reads back as the same bytes.
"""

from __future__ import annotations

SIMPLE = {
    "0": 0x00,
    "a": 0x07,
    "b": 0x08,
    "t": 0x09,
    "n": 0x0A,
    "v": 0x0B,
    "f": 0x0C,
    "r": 0x0D,
    "e": 0x1B,
    '"': 0x22,
    "'": 0x27,
    "\\": 0x5C,
}
r"""The letter after a backslash, and the byte that it means."""

CODED = {"x": 2, "u": 4}
r"""Escapes with hex digits, and how many: `\xNN` is a byte, `\uNNNN` a character."""

_ESCAPED = {chr(byte): "\\" + letter for letter, byte in SIMPLE.items() if letter != "'"}


def _one(character: str) -> str:
    known = _ESCAPED.get(character)
    if known is not None:
        return known
    return "".join([f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape")])


def escape(text: str, keep: str = "") -> str:
    r"""Escape everything that is not printable, except the characters in `keep`.

    Bytes that were not UTF-8 come as surrogates (decode with `surrogateescape`) and become
    `\xNN`. A backslash is escaped too, so that the result is unambiguous.
    """
    return "".join(
        [c if c in keep or (c.isprintable() and c not in '\\"') else _one(c) for c in text]
    )


def quote(data: bytes) -> str:
    """A quoted literal that the grammar reads as exactly `data`."""
    return f'"{escape(data.decode("utf-8", "surrogateescape"))}"'
