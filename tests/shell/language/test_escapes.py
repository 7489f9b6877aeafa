"""Bytes as text that is safe to show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ether_shell.language.escapes import escape, quote
from ether_shell.language.grammar import tokenize


@pytest.mark.parametrize(
    ("data", "written"),
    [
        (b"", '""'),
        (b"hello", '"hello"'),
        (b"a\x00\n", r'"a\0\n"'),
        (b'say "hi" \\', r'"say \"hi\" \\"'),
        (b"\x1b[31mred", r'"\e[31mred"'),
        ("Grüße".encode(), '"Grüße"'),
        (b"\xff\xfe", r'"\xff\xfe"'),
        (b"half \xc3", r'"half \xc3"'),
        ("\u202eright to left".encode(), r'"\xe2\x80\xaeright to left"'),
        ("\x9b31m".encode(), r'"\xc2\x9b31m"'),
    ],
)
def test_a_quoted_literal_shows_what_prints_and_escapes_the_rest(data: bytes, written: str) -> None:
    assert quote(data) == written


def test_what_is_kept_is_not_escaped() -> None:
    assert escape('a "b"\n\t\x07', keep='\n\t"') == 'a "b"\n\t\\a'


@given(st.binary())
def test_what_is_quoted_is_read_back(data: bytes) -> None:
    (token,) = tokenize(quote(data))
    assert token.data == data


@given(st.binary())
def test_what_is_quoted_prints(data: bytes) -> None:
    assert quote(data).isprintable()
