"""What can be asked of a declaration."""

from __future__ import annotations

import pytest

from ether_shell.language.declaration import (
    Argument,
    Catalogue,
    Kind,
    Option,
    Results,
    Section,
    ShellCommand,
    did_you_mean,
)
from ether_shell.language.values import DATA, EQUALS, HANDLE, SIZE


def nothing() -> Results:
    yield from ()


LOOK = ShellCommand(
    "look",
    "look at it",
    nothing,
    (Argument("handle", HANDLE, "where"), Argument("length", SIZE, "how much", required=False)),
    (Option("at", "from where", SIZE), Option("all", "all of it")),
    suffix=Option("format", "how", Kind(lambda token, _: token.text), "FMT"),
)
PUT = ShellCommand("put", "put it", nothing, aliases=("place",))
CATALOGUE = Catalogue(Section("All", LOOK, PUT), foreign_names={"poke": "put"})


def test_a_usage_line() -> None:
    assert LOOK.brief == "look[/FMT] HANDLE [LENGTH]"
    assert LOOK.usage == "look[/FMT] HANDLE [LENGTH] [--at N] [--all]"
    assert [part.parameter for part in LOOK.parts] == ["format", "handle", "length", "at", "all"]


@pytest.mark.parametrize(
    ("argument", "usage", "parameter"),
    [
        (Argument("handle", HANDLE, "", repeated=True), "HANDLE…", "handle"),
        (Argument("data", DATA, "", required=False), "[DATA]", "data"),
        (Argument("equals", EQUALS, ""), "=", "equals"),
        (Argument("from", SIZE, ""), "FROM", "from_"),
        (Option("as-is", ""), "[--as-is]", "as_is"),
        (Option("at", "", SIZE, "OFFSET"), "[--at OFFSET]", "at"),
    ],
)
def test_parts_of_it(argument: Argument | Option, usage: str, parameter: str) -> None:
    assert (argument.usage, argument.parameter) == (usage, parameter)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("look", LOOK),
        ("LOOK", LOOK),
        ("look/4x", LOOK),
        ("place", PUT),
        ("put/4x", None),
        ("poke", None),
        ("", None),
    ],
)
def test_a_command_is_found_by_its_names(name: str, found: ShellCommand | None) -> None:
    assert CATALOGUE.find(name) is found


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("poke", "unknown command 'poke': did you mean put?"),
        ("lok", "unknown command 'lok': did you mean look?"),
        ("zzz", "unknown command 'zzz'; help lists them"),
    ],
)
def test_what_is_said_of_an_unknown_one(name: str, says: str) -> None:
    assert CATALOGUE.unknown(name) == says


def test_an_option_is_found_by_its_flag() -> None:
    assert LOOK.option("--at") is LOOK.options[0]
    assert LOOK.option("at") is None


def test_only_what_is_close_is_meant() -> None:
    assert did_you_mean("alloc", ("alloc", "free")) == ": did you mean alloc?"
    assert did_you_mean("xyz", ("alloc", "free")) == ""
