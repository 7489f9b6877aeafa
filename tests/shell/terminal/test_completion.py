"""What Tab candidates."""

from __future__ import annotations

import pytest

from ether_shell.commands.catalogue import COMMANDS
from ether_shell.terminal.completion import Candidate, KnownNames, candidates

KNOWN = KnownNames(
    {1: 64, 12: 4096},
    {"_": 12},
    lambda typed: [path for path in ("pear", "pie/") if path.startswith(typed)],
)
LITERALS = ['"', "hex:", "b64:", "@"]


@pytest.mark.parametrize(
    ("line", "replaced", "texts"),
    [
        ("al", "al", ["alloc"]),
        ("AL", "AL", ["alloc"]),
        ("  re", "re", ["realloc", "read"]),
        ("alloc ", "", []),
        ("alloc $", "$", ["$_"]),
        ("read 1 --at $", "$", ["$_"]),
        ("unset ", "", ["_"]),
        ("unset $", "$", ["$_"]),
        ("alloc 5 ", "", ["--session"]),
        ("alloc -", "-", ["--session"]),
        ("read ", "", ["1", "12", "$_"]),
        ("read 1", "1", ["1", "12"]),
        ("read $", "$", ["$_"]),
        ("read 1 ", "", ["--at", "--as", "--all"]),
        ("read 1 5 --a", "--a", ["--at", "--as", "--all"]),
        ("read 1 --at 5 --a", "--a", ["--as", "--all"]),
        ("read 1 --as ", "", ["hex", "text", "base64", "raw"]),
        ("read 1 --as b", "b", ["base64"]),
        ("read --at ", "", []),
        ("free 1 ", "", ["12", "$_"]),
        ("copy 1 ", "", ["1", "12", "$_"]),
        ("write 1 ", "", LITERALS),
        ("write 1 @", "@", ["@pear", "@pie/"]),
        ("write 1 @pi", "@pi", ["@pie/"]),
        ('write 1 @"pi', "", []),
        ("load ", "", ["pear", "pie/"]),
        ("load pe", "pe", ["pear"]),
        ("dump 1 pie/", "pie/", ["pie/"]),
        ("write 1 h", "h", ["hex:"]),
        ("write 1 hex:de ad", "ad", []),
        ("write 1 hex:de ad ", "", ["--at"]),
        ("help fi", "fi", ["fill"]),
        ('write 1 "ab', "", []),
        ('write 1 "ab" ', "", ["--at"]),
        ("watch 1 re", "re", ["read"]),
        ("watch 1 tr", "tr", []),
        ("let a = ", "", ["alloc", "add", "load"]),
        ("watch 1 read ", "", ["1", "12", "$_"]),
        ("watch 1 read 1 --as b", "b", ["base64"]),
        ("x/32xb ", "", ["1", "12", "$_"]),
        ("x/32xb 1 --b", "--b", ["--big"]),
        ("nonsense ", "", []),
        ("read # 1", "", []),
    ],
)
def test_what_may_stand_at_the_cursor(line: str, replaced: str, texts: list[str]) -> None:
    typed, found = candidates(line, COMMANDS, KNOWN)
    assert (typed, [candidate.text for candidate in found]) == (replaced, texts)


def test_an_empty_line_offers_every_command() -> None:
    _, found = candidates("", COMMANDS, KNOWN)
    assert [candidate.text for candidate in found] == [
        command.name for command in COMMANDS.commands
    ]


def test_an_offer_says_what_it_means() -> None:
    _, found = candidates("free ", COMMANDS, KNOWN)
    assert found == [
        Candidate("1", "64 B"),
        Candidate("12", "4.0 KiB"),
        Candidate("$_", "handle 12"),
    ]
    _, found = candidates("free $", COMMANDS, KnownNames({}, {"half": 2048}))
    assert found == [Candidate("$half", "2,048")]
    _, found = candidates("read 1 $", COMMANDS, KNOWN)
    assert found == [Candidate("$_", "12")]
