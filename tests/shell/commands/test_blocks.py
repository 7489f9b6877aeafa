"""Whole blocks of a real daemon: alloc, free, realloc, info, list."""

from __future__ import annotations

import pytest

from ether_protocol import Client
from harness import Etherd, until
from shell.conftest import Talk
from shell.conversation import Conversation
from shell.person import Person


@pytest.fixture
def shell(etherd: Etherd, talk: Talk) -> Conversation:
    """A shell as a script has it."""
    return talk(etherd.address)


@pytest.fixture
def terminal(etherd: Etherd, talk: Talk) -> Conversation:
    """A shell whose output is a terminal."""
    return talk(etherd.address, terminal=True)


@pytest.fixture
def person() -> Person:
    return Person()


@pytest.fixture
def prompt(talk: Talk, etherd: Etherd, person: Person) -> Conversation:
    """A shell with a user at its prompt."""
    return talk(etherd.address, interactive=True, confirm=person)


def test_a_session_block_ends_with_the_connection(
    talk: Talk, shell: Conversation, etherd: Etherd
) -> None:
    shell.run("alloc 8")
    shell.run("alloc 8 --session")
    assert "session  yes" in shell.run("info $_").out
    shell.close()
    other = talk(etherd.address)
    until(lambda: other.run("list").out == "1 8\n", "the server sees the end")


def test_several_blocks_are_freed_one_by_one(shell: Conversation) -> None:
    for _ in range(3):
        shell.run("alloc 1")
    said = shell.run("free 1 99 2")
    assert said.status == 1
    assert said.err == "freed 1\nFREE handle 99: no block has handle 99 (NOT_FOUND)\n"
    assert shell.run("list").out == "2 1\n3 1\n"


def test_what_a_person_declines_is_not_done(talk: Talk, etherd: Etherd) -> None:
    asked: list[str] = []

    def refuse(question: str) -> bool:
        asked.append(question)
        return False

    shell = talk(etherd.address, confirm=refuse)
    shell.run("alloc 1")
    shell.run("alloc 1")
    assert shell.run("free 1 2").err == "nothing was freed\n"
    assert asked == ["free 2 blocks?"]
    assert shell.run("free 1").err == "freed 1\n"


def test_a_list_of_many_blocks(shell: Conversation, terminal: Conversation, client: Client) -> None:
    count = 4096 + 5  # one page and a little
    for _ in range(count):
        client.alloc(1)
    assert len(shell.run("list").out.splitlines()) == count
    said = terminal.run("list")
    assert len(said.out.splitlines()) == 100
    assert said.err == "… 4,001 more of 4,101 blocks; list --all\n"
    assert len(terminal.run("list --all").out.splitlines()) == count


def test_freeing(prompt: Conversation, person: Person, client: Client) -> None:
    client.alloc(10)
    prompt.run("alloc 20")
    person.answer = False
    assert prompt.run("free 1").err == "nothing was freed\n"
    assert prompt.run("free 2 1").err == "nothing was freed\n"
    assert prompt.run("free --all").err == "nothing was freed\n"
    assert person.asked == [
        "block 1 was not made in this session: free?",
        "free 2 blocks?",
        "free all 2 blocks of the server, 30 B?",
    ]
    assert prompt.run("free --all 1").err == "free --all takes no handles\n"
    person.answer = True
    assert prompt.run("free --all").err == "freed 2 blocks, 30 B\n"
    assert client.list() == (0, [])
    assert prompt.run("free --all").err == "freed 0 blocks, 0 B\n"


def test_cutting_off(prompt: Conversation, person: Person, client: Client) -> None:
    client.alloc(10)
    person.answer = False
    assert prompt.run("realloc 1 12").status == 0
    assert prompt.run("realloc 1 5").err == "nothing was changed\n"
    assert person.asked == ["block 1 was not made in this session: cut off 7 bytes?"]
    assert prompt.run("realloc 9 5").err == "REALLOC handle 9: no block has handle 9 (NOT_FOUND)\n"
    prompt.run("alloc 10")
    assert prompt.run("realloc $_ 5").status == 0
    assert len(person.asked) == 1


def test_everything_is_not_freed_where_nobody_can_be_asked(
    talk: Talk, etherd: Etherd, client: Client
) -> None:
    client.alloc(10)
    shell = talk(etherd.address, unattended=True)
    said = shell.run("free --all")
    assert (said.status, said.err) == (
        2,
        "free --all asks first, and nobody is here to answer: -y says yes\n",
    )
    assert client.list()[0] == 1
    assert talk(etherd.address).run("free --all").status == 0  # as with -y
