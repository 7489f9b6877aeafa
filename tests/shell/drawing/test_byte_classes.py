"""Kinds of byte."""

from __future__ import annotations

import pytest

from ether_shell.drawing.byte_classes import glyphs, role
from ether_shell.drawing.style import coloured, plain


@pytest.mark.parametrize(
    ("byte", "glyph", "kind"),
    [
        (0x00, "⋄", "null"),
        (0x01, "•", "control"),
        (0x0A, "_", "space"),
        (0x20, " ", "space"),
        (0x41, "A", "printable"),
        (0x7E, "~", "printable"),
        (0x7F, "•", "control"),
        (0x80, "×", "high"),
        (0xFF, "×", "high"),
    ],
)
def test_a_byte_has_a_glyph_and_a_role(byte: int, glyph: str, kind: str) -> None:
    assert glyphs(bytes([byte]), plain) == glyph
    assert role(byte) == kind


def test_every_byte_is_one_printable_character() -> None:
    shown = glyphs(bytes(range(256)), plain)
    assert len(shown) == 256
    assert shown.isprintable()


def test_neighbours_of_one_kind_are_painted_together() -> None:
    assert glyphs(b"ab\0", coloured) == "\x1b[36mab\x1b[0m\x1b[90m⋄\x1b[0m"
    changed = glyphs(b"ab", coloured, offset=16, changed={17})
    assert changed == "\x1b[36ma\x1b[0m\x1b[7mb\x1b[0m"
