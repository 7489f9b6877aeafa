"""Text from a block, on a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ether_shell.drawing.safe_text import safe_text
from ether_shell.operations.ranges import DataPart, Gap, Part


def shown(*parts: Part) -> str:
    return "".join(safe_text(parts))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "\n"),
        (b"hello", "hello\n"),
        (b"hello\n", "hello\n"),
        (b"two\n\tlines\n\n", "two\n\tlines\n\n"),
        (b'say "hi"', 'say "hi"\n'),
        (b"back\\slash", "back\\\\slash\n"),
        (b"\x1b[2J\x07", "\\e[2J\\a\n"),
        (b"\r\x00\x7f", "\\r\\0\\x7f\n"),
        ("Grüße €".encode(), "Grüße €\n"),
        ("\x9b2J".encode(), "\\xc2\\x9b2J\n"),
        (b"\xff\xfe", "\\xff\\xfe\n"),
        (b"hi" + bytes(1000), "hi⟨1,000 × \\0⟩\n"),
    ],
)
def test_what_does_not_print_is_escaped(data: bytes, text: str) -> None:
    assert shown(DataPart(0, data)) == text


def test_a_character_may_be_cut_in_two() -> None:
    euro = "€".encode()
    assert shown(DataPart(0, euro[:1]), DataPart(1, euro[1:])) == "€\n"
    assert shown(DataPart(0, euro[:2])) == "\\xe2\\x82\n"


def test_a_gap_has_a_line_of_its_own() -> None:
    text = shown(DataPart(0, "ab€".encode()[:-1]), Gap(4, 99_999), DataPart(100_003, b"cd"))
    assert text == (
        "ab\\xe2\\x82\n… 99,999 bytes left out, from offset 0x4 on;"
        " --all shows them, dump saves them\ncd\n"
    )


@given(st.lists(st.binary()))
def test_no_control_character_comes_through(pieces: list[bytes]) -> None:
    text = shown(*(DataPart(0, data) for data in pieces))
    assert text.replace("\n", "").replace("\t", "").isprintable()
