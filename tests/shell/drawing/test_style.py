"""Colours and other escape sequences."""

from __future__ import annotations

import pytest

from ether_shell.drawing.style import (
    coloured,
    is_dumb,
    move_up_and_clear,
    painter,
    plain,
    without_colour,
)


@pytest.mark.parametrize(
    ("environment", "dumb"),
    [
        ({}, True),
        ({"TERM": ""}, True),
        ({"TERM": "dumb"}, True),
        ({"TERM": "unknown"}, True),
        ({"TERM": "xterm"}, False),
    ],
)
def test_dumb_terminals(environment: dict[str, str], dumb: bool) -> None:
    assert is_dumb(environment) is dumb


def test_colour_goes_around_a_text_and_comes_off_again() -> None:
    painted = coloured("error", "no")
    assert painted == "\x1b[31mno\x1b[0m"
    assert without_colour(f"oh {painted}!") == "oh no!"
    assert plain("error", "no") == "no"
    assert (painter(True), painter(False)) == (coloured, plain)


def test_nothing_is_cleared_where_nothing_was_drawn() -> None:
    assert move_up_and_clear(0) == ""
    assert move_up_and_clear(3) == "\x1b[3A\x1b[J"
