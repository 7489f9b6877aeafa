"""A line's text to tokens, and where a literal is wrong."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ether_shell.language.grammar import Form, scan, tokenize
from ether_shell.problems import UsageError


@pytest.mark.parametrize(
    ("line", "texts"),
    [
        ("", []),
        ("   \t ", []),
        ("# all of it", []),
        ("ping # and why", ["ping"]),
        ("write 1 a#b", ["write", "1", "a#b"]),
        ("  alloc   4096 ", ["alloc", "4096"]),
        ("read $_ --at=4", ["read", "$_", "--at=4"]),
        ("write 1 it's", ["write", "1", "it's"]),
        ('write 1 "a b" --at 2', ["write", "1", '"a b"', "--at", "2"]),
        ('write 1 "# no comment"', ["write", "1", '"# no comment"']),
        ("write 1 hex:dead beef --at 2", ["write", "1", "hex:dead", "beef", "--at", "2"]),
        ('fill 1 hex:"ff" 16', ["fill", "1", 'hex:"ff"', "16"]),
        ("write 1 @a/b.bin --at 1", ["write", "1", "@a/b.bin", "--at", "1"]),
        ("write 1 me@home", ["write", "1", "me@home"]),
    ],
)
def test_a_line_falls_into_tokens_that_know_where_they_stand(line: str, texts: list[str]) -> None:
    tokens = tokenize(line)
    assert [token.text for token in tokens] == texts
    assert [line[token.start : token.end] for token in tokens] == texts


@pytest.mark.parametrize(
    ("literal", "data"),
    [
        ("hello", b"hello"),
        ("Grüße", "Grüße".encode()),
        (r"a\n", rb"a\n"),
        ('""', b""),
        (r'"text\x00\n"', b"text\x00\n"),
        (r"'it\'s'", b"it's"),
        (r'"\0\a\b\t\n\v\f\r\e\"\\"', b'\x00\x07\x08\t\n\x0b\x0c\r\x1b"\\'),
        (r'"\u20ac"', "€".encode()),
        (r'"\01"', b"\x001"),
        ("hex:DEADbeef", b"\xde\xad\xbe\xef"),
        ('hex:"de ad be ef"', b"\xde\xad\xbe\xef"),
        ("hex: dead", b"\xde\xad"),
        ("hex:'de ad'", b"\xde\xad"),
        ("b64:3q2+7w==", b"\xde\xad\xbe\xef"),
        ('b64:"3q2+7w=="', b"\xde\xad\xbe\xef"),
    ],
)
def test_bytes_in_each_form(literal: str, data: bytes) -> None:
    (token,) = tokenize(literal)
    assert token.data == data


@pytest.mark.parametrize(
    ("literal", "path"), [("@a.bin", "a.bin"), ("@-", "-"), ('@"my file"', "my file")]
)
def test_a_file_is_named_and_not_opened(literal: str, path: str) -> None:
    (token,) = tokenize(literal)
    assert (token.form, token.path) == (Form.FILE, path)


@pytest.mark.parametrize(
    ("line", "spot", "says"),
    [
        (r'write 1 "ab\q"', r"           ^", "unknown escape \\q"),
        (r'write 1 "ab\x4"', r"           ^", "\\x must be followed by 2 hex digits"),
        (r'write 1 "ab\x 4"', r"           ^", "\\x must be followed by 2 hex digits"),
        (r'write 1 "\ud800"', r"         ^", "half a character"),
        ('write 1 "abc', "        ^", 'no closing "'),
        ("write 1 'abc\"", "        ^", "no closing '"),
        ('write 1 "abc"x', "             ^", "a space must follow"),
        ("write 1 hex:'dead bee'", "                    ^", "in pairs"),
        ("write 1 hex:d", "            ^", "in pairs"),
        ("write 1 hex:dxad", "             ^", "'x' is not a hex digit"),
        ("write 1 hex:", "        ^", "must be followed by hex digits"),
        ("write 1 hex:'ab", "            ^", "no closing '"),
        ("write 1 b64:ab*d", "              ^", "'*' is not a base64 digit"),
        ("write 1 b64:abc", "              ^", "groups of four"),
        ("write 1 @ --at 4", "        ^", "must be followed by a file name"),
    ],
)
def test_a_wrong_literal_has_a_caret_under_the_spot(line: str, spot: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        tokenize(line)
    assert says in str(caught.value)
    assert caught.value.at == spot.index("^")


def test_half_a_line_gives_the_tokens_before_its_problem() -> None:
    result = scan('write 1 "ab')
    assert [token.text for token in result.tokens] == ["write", "1"]
    assert result.problem is not None


@given(st.binary(min_size=1))
def test_hex_and_base64_give_back_any_bytes(data: bytes) -> None:
    line = f"hex:'{data.hex(' ')}' b64:{base64.b64encode(data).decode()} hex:{data.hex()}"
    assert [token.data for token in tokenize(line)] == [data] * 3


@given(st.text())
def test_any_line_is_scanned_without_an_exception(line: str) -> None:
    tokens = scan(line).tokens
    assert all(line[token.start : token.end] == token.text for token in tokens)
    assert [t.start for t in tokens] == sorted({t.start for t in tokens})
