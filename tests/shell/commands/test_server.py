"""The answers of a real daemon about itself: ping, hello, stats."""

from __future__ import annotations

import pytest

from harness import Etherd
from shell.conftest import Talk
from shell.conversation import Conversation


@pytest.fixture
def shell(etherd: Etherd, talk: Talk) -> Conversation:
    """A shell as a script has it."""
    return talk(etherd.address)


def test_ping_hello_and_stats(shell: Conversation) -> None:
    assert shell.run("ping").out.startswith("pong, ")
    assert shell.run("hello").out.startswith("server           etherd")
    assert shell.run("stats").status == 0
