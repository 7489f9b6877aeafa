"""Comparing and adding in one step: swap, add."""

from __future__ import annotations

import pytest

from harness import Etherd
from shell.conftest import Talk
from shell.conversation import Conversation


@pytest.fixture
def shell(etherd: Etherd, talk: Talk) -> Conversation:
    """A shell as a script has it."""
    return talk(etherd.address)


def test_swap_and_add(shell: Conversation) -> None:
    shell.run("alloc 16")
    assert shell.run("swap 1 0 5").out == "0x0000000000000000\n"
    said = shell.run("swap 1 0 6")
    assert (said.status, said.out, said.err) == (0, "0x0000000000000005\n", "not swapped\n")
    assert shell.run("add 1 -7").out == "5\n"
    assert shell.run("read 1 8 --as raw").data == b"\xff" * 7 + b"\xfe"
