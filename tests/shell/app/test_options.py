"""Who is at the other end, and who is asked."""

from __future__ import annotations

import sys

import pytest

from ether_protocol import Address
from ether_shell.app.options import ShellOptions
from ether_shell.settings import Profile, PromptSettings
from shell.conversation import Stream


def options(
    commands: tuple[str, ...] = (),
    file: str | None = None,
    *,
    yes: bool = False,
    questions: bool = True,
) -> ShellOptions:
    profile = Profile(Address("localhost"))
    prompt = PromptSettings(questions=questions)
    return ShellOptions(profile, prompt, commands, file, False, False, yes, 30.0)


@pytest.mark.parametrize(
    ("chosen", "terminal", "interactive", "asks"),
    [
        (options(), True, True, True),
        (options(), False, False, False),
        (options(yes=True), True, True, False),
        (options(questions=False), True, True, False),
        (options(("ping",)), True, False, False),
        (options(file="-"), True, False, False),
    ],
)
def test_who_is_there(
    monkeypatch: pytest.MonkeyPatch,
    chosen: ShellOptions,
    terminal: bool,
    interactive: bool,
    asks: bool,
) -> None:
    monkeypatch.setattr(sys, "stdin", Stream(terminal))
    assert (chosen.interactive, chosen.asks) == (interactive, asks)
