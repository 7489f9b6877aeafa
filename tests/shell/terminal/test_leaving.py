"""What is said about blocks at the end of a session."""

from __future__ import annotations

import pytest

from ether_protocol import Client
from ether_shell.terminal.leaving import offer_to_free
from harness import Etherd
from shell.conftest import Talk
from shell.conversation import Conversation


@pytest.fixture
def shell(talk: Talk, etherd: Etherd, client: Client) -> Conversation:
    client.alloc(1000)
    shell = talk(etherd.address)
    for line in ("alloc 100", "alloc 200", "alloc 300", "realloc 3 50", "free 2"):
        assert shell.run(line).status == 0
    return shell


def leave(shell: Conversation, answer: bool | None) -> tuple[list[str], list[str]]:
    asked: list[str] = []
    said: list[str] = []

    def ask(question: str) -> bool:
        asked.append(question)
        return bool(answer)

    offer_to_free(shell.context, None if answer is None else ask, said.append)
    return asked, said


QUESTION = "2 blocks made here are still allocated, 350 B (mine lists them): free?"


@pytest.mark.parametrize(
    ("answer", "asked", "said", "left"),
    [
        (True, [QUESTION], ["freed 2 blocks"], [(1, 1000)]),
        (False, [QUESTION], [], [(1, 1000), (3, 50), (4, 300)]),
        (
            None,
            [],
            ["2 blocks made here are still allocated, 350 B"],
            [(1, 1000), (3, 50), (4, 300)],
        ),
    ],
)
def test_leaving(
    shell: Conversation,
    client: Client,
    answer: bool | None,
    asked: list[str],
    said: list[str],
    left: list[tuple[int, int]],
) -> None:
    shell.run("alloc 5 --session")  # which goes by itself
    assert leave(shell, answer) == (asked, said)
    client.free(5)
    assert client.list()[1] == left


def test_who_leaves_nothing_behind_is_told_nothing(shell: Conversation) -> None:
    shell.run("free 3 4")
    assert leave(shell, True) == ([], [])


def test_without_a_connection_nothing_is_asked(shell: Conversation) -> None:
    shell.close()
    assert leave(shell, True) == ([], [])
