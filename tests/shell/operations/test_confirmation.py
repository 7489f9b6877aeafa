"""When a person is asked, and what can be taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from ether_protocol import Client
from ether_shell.operations import confirmation
from harness import Etherd
from shell.conftest import Talk
from shell.conversation import Conversation
from shell.person import Person


@pytest.fixture
def person() -> Person:
    return Person()


@pytest.fixture
def shell(talk: Talk, etherd: Etherd, person: Person) -> Conversation:
    return talk(etherd.address, interactive=True, confirm=person)


def test_nothing_is_asked_about_blocks_of_this_session(shell: Conversation, person: Person) -> None:
    for line in ("alloc 16", "write 1 hello", "fill 1 z", "copy 1 1 4 --at 8", "free 1"):
        assert shell.run(line).status == 0
    assert person.asked == []


@pytest.mark.parametrize("line", ["write 1 hello", "fill 1 z", "copy 1 1 4 --at 2", "load file 1"])
def test_bytes_of_others_are_written_over_after_one_question_a_block(
    shell: Conversation,
    person: Person,
    client: Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    line: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_bytes(b"abcd")
    client.alloc(16).write(b"precious, indeed")
    person.answer = False
    said = shell.run(line)
    assert (said.status, said.err) == (2, "nothing was written\n")
    assert client.read(1) == b"precious, indeed"
    (question,) = person.asked
    assert question.startswith("block 1 was not made in this session: write over ")
    assert question.endswith(" that are not all zero?")
    person.answer = True
    assert shell.run(line).status == 0
    assert client.read(1) != b"precious, indeed"
    assert shell.run(line).status == 0
    assert len(person.asked) == 2


def test_an_interrupt_is_a_no_and_leaves_no_doubt(
    shell: Conversation, person: Person, client: Client
) -> None:
    client.alloc(4).write(b"mine")
    person.answer = KeyboardInterrupt()
    for line, refusal in (("write 1 x", "nothing was written"), ("free 1", "nothing was freed")):
        said = shell.run(line)
        assert (said.status, said.err) == (130, f"\ninterrupted: {refusal}\n")
    assert client.read(1) == b"mine"


def test_zeros_are_nobodys(shell: Conversation, person: Person, client: Client) -> None:
    client.alloc(16).write(b"x", 8)
    assert shell.run("write 1 hello").status == 0
    assert person.asked == []
    shell.run("write 1 hello --at 6")
    assert len(person.asked) == 1


def test_what_is_too_long_to_look_at_is_asked_about(
    shell: Conversation, person: Person, client: Client
) -> None:
    client.alloc(confirmation.UNDO_BYTES + 1)
    shell.run("fill 1 7")
    assert person.asked == ["block 1 was not made in this session: write over bytes?"]
    assert "there is nothing to undo" in shell.run("undo").err


def test_a_script_is_asked_nothing(talk: Talk, etherd: Etherd, client: Client) -> None:
    person = Person()
    person.answer = False
    shell = talk(etherd.address, confirm=person)
    client.alloc(4).write(b"data")
    assert shell.run("write 1 new").status == 0
    assert shell.run("free 1").status == 0
    assert person.asked == []


def test_a_refused_write_speaks_for_itself(shell: Conversation, person: Person) -> None:
    said = shell.run("write 9 hello")
    assert said.err == "WRITE handle 9 [0:5]: no block has handle 9 (NOT_FOUND)\n"
    shell.run("alloc 4")
    assert shell.run("write 1 hello").err.startswith("WRITE handle 1 [0:5]: ")
    assert "there is nothing to undo" in shell.run("undo").err
