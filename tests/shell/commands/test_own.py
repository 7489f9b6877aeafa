"""What a session did: mine, undo."""

from __future__ import annotations

from pathlib import Path

import pytest

from ether_protocol import Client
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


@pytest.fixture
def prompt(talk: Talk, etherd: Etherd) -> Conversation:
    """A shell with a user at its prompt, for which undo remembers."""
    return talk(etherd.address, interactive=True)


def test_mine_are_those_that_still_are(shell: Conversation, client: Client) -> None:
    assert shell.run("mine").out == "3 50\n4 300\n"
    client.free(4)
    client.realloc(3, 51)
    assert shell.run("mine").out == "3 51\n"


@pytest.mark.parametrize(
    "line",
    ["write 1 there --at 2", "fill 1 . 3 --at 9", "copy 1 1 4 --at 1", "load file 1 --at 3"],
)
def test_undo_and_undo_again(
    prompt: Conversation, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_bytes(b"of the file")
    prompt.run("alloc 16")
    prompt.run('write 1 "as it was before"')
    prompt.run(line)
    after = client.read(1)
    assert after != b"as it was before"
    assert prompt.run("undo").err.endswith(" in 1 are as they were\n")
    assert client.read(1) == b"as it was before"
    assert prompt.run("undo").status == 0
    assert client.read(1) == after


def test_undo_takes_back_nobody_elses_writing(prompt: Conversation, client: Client) -> None:
    prompt.run("alloc 16")
    prompt.run("write 1 hello")
    client.write(1, b"J")
    said = prompt.run("undo")
    assert (said.status, said.err) == (
        1,
        "block 1 was changed there in the meantime: nothing was undone\n",
    )
    assert client.read(1, 5) == b"Jello"
    prompt.run("free 1")
    assert "there is nothing to undo" in prompt.run("undo").err
