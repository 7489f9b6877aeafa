"""What stands behind the slash of `x`."""

from __future__ import annotations

import pytest

from ether_shell.language.formats import Format, parse_format


@pytest.mark.parametrize(
    ("text", "format", "written"),
    [
        ("32xb", Format(32, "x", 1), "32xb"),
        ("32bx", Format(32, "x", 1), "32xb"),
        ("4dw", Format(4, "d", 4), "4dw"),
        ("G", Format(1, "x", 8), "1xg"),
        ("2uh", Format(2, "u", 2), "2uh"),
        ("t", Format(1, "t", 1), "1tb"),
        ("12c", Format(12, "c", 1), "12c"),
        ("3s", Format(3, "s", 1), "3s"),
        ("7", Format(7, "x", 1), "7xb"),
    ],
)
def test_a_format_and_how_it_is_written_again(text: str, format: Format, written: str) -> None:
    assert parse_format(text) == format
    assert str(format) == written
    assert parse_format(written) == format


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("8dq", "'q' has no place in 8dq: one of x d u t c s, then one of b h w g"),
        ("xx", "'x' has no place in xx"),
        ("bw", "'w' has no place in bw"),
        ("4cw", "c goes by bytes, without w"),
        ("0x", "0 is not a count"),
        ("x4", "'x4' is not a format"),
        ("-1x", "'-1x' is not a format"),
        ("65537s", "65,537 strings are too many at once: at most 65,536"),
        (f"{2**63}x", "is not a count"),
    ],
)
def test_what_is_no_format(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_format(text)
