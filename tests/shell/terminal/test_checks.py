"""What is wrong while it is typed, and how long a literal is."""

from __future__ import annotations

import pytest

from ether_shell.commands.catalogue import COMMANDS
from ether_shell.terminal.checks import complaint, literal_length


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", ""),
        ("rea", ""),
        ("reed ", "unknown command 'reed': did you mean read?"),
        ("read", ""),
        ("read 1q", ""),
        ("read 1q ", "'1q' is not a handle"),
        ("read $x ", "$x is not set"),
        ("read 1 --bogu", ""),
        ("read 1 --bogus ", "read has no option --bogus"),
        ("read 1 --at", ""),
        ("read 1 --at ", ""),
        ("read 1 2 3", ""),
        ("read 1 2 3 ", "read takes no '3'"),
        ('write 1 "un', ""),
        (r'write 1 "\x', ""),
        (r'write 1 "\x4', ""),
        (r'write 1 "\xg', r"\x must be followed by 2 hex digits"),
        (r'write 1 "\q', r"unknown escape \q: there are "),
        ('write 1 "\\', ""),
        ("write 1 hex:abc", ""),
        ("write 1 hex:ag", "'g' is not a hex digit"),
        ("write 1 b64:ab", ""),
        ("write 1 @", ""),
        ('write 1q "un', "'1q' is not a handle"),
        ("# anything", ""),
    ],
)
def test_only_what_is_certain_is_wrong(line: str, says: str) -> None:
    said = complaint(line, COMMANDS, {})
    assert said.startswith(says)
    assert bool(said) == bool(says)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", ""),
        ("read 1", ""),
        ("write 1 ", ""),
        ("write 1 hello", "DATA 5 B"),
        (r'write 1 "a\x00\n', "DATA 3 B"),
        (r'write 1 "a\x0', ""),
        ("write 1 'it", "DATA 2 B"),
        (f'write 1 "{"x" * 2048}" --at 4', "DATA 2.0 KiB"),
        ("write 1 hex:dead beef", "DATA 4 B"),
        ('write 1 hex:"dead be', "DATA 3 B"),
        ("write 1 b64:3q2+7w==", "DATA 4 B"),
        ("write 1 grün", "DATA 5 B"),
        ("write 1 @file", ""),
    ],
)
def test_how_long_the_literal_is(line: str, says: str) -> None:
    assert literal_length(line, COMMANDS) == says
