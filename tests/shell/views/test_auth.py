"""How it looks when a server has accepted a token."""

from __future__ import annotations

import pytest

from ether_shell.commands.auth import TokenTaken
from ether_shell.views.registry import as_json, render
from ether_shell.views.renderer import View


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (TokenTaken("etherd 0.1.0", True), "etherd 0.1.0 accepts the token"),
        (
            TokenTaken("etherd 0.1.0", False),
            "connected, but etherd 0.1.0 wants no token, and got none",
        ),
    ],
)
def test_what_is_written(result: TokenTaken, text: str) -> None:
    assert list(render(result, View())) == [text]


def test_what_a_program_reads() -> None:
    assert as_json(TokenTaken("etherd", True)) == {"server": "etherd", "token_wanted": True}
