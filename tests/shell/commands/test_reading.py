"""Bytes out of blocks of a real daemon: read."""

from __future__ import annotations

import pytest

from ether_protocol import Client
from ether_shell.operations import ranges
from harness import Etherd
from shell.conftest import Talk
from shell.conversation import Conversation


@pytest.fixture
def shell(etherd: Etherd, talk: Talk) -> Conversation:
    """A shell as a script has it."""
    return talk(etherd.address)


@pytest.fixture
def terminal(etherd: Etherd, talk: Talk) -> Conversation:
    """A shell whose output is a terminal."""
    return talk(etherd.address, terminal=True)


def test_a_long_read_comes_in_steps(shell: Conversation, client: Client) -> None:
    data = bytes(range(256)) * (ranges.READ_STEP_BYTES // 256 + 10)
    block = client.alloc(len(data))
    block.write(data)
    assert shell.run("read 1 --as raw").data == data
    assert shell.run("read 1 99MiB --at 3 --as raw").data == data[3:]
    hexed = shell.run("read 1").out.splitlines()
    assert len(hexed) == len(data) // 16
    assert hexed[-1].startswith(f"{len(data) - 16:08x}  f0 f1 ")


def test_a_long_read_does_not_flood_a_terminal(terminal: Conversation, client: Client) -> None:
    client.alloc(1 << 20).write(b"head")
    client.write(1, b"tail", (1 << 20) - 4)
    lines = terminal.run("read 1").out.splitlines()
    assert len(lines) < 20
    assert "|head............|" in lines[0]
    assert any("… 1,047,040 bytes left out, from offset 0x400 on;" in line for line in lines)
    assert "|............tail|" in lines[-1]
    assert "left out" not in terminal.run("read 1 --all").out
    assert "left out" not in terminal.run("read 1 64KiB").out
    assert "left out" not in terminal.run("read 1 99MiB --at 1000KiB").out
    assert len(terminal.run("read 1 --all --as text").out.splitlines()) == 1


def test_an_empty_read_and_one_that_begins_behind_the_block(terminal: Conversation) -> None:
    terminal.run("alloc 4")
    assert terminal.run("read 1 --at 4").err == "0 bytes\n"
    assert "(OVERFLOW)" in terminal.run("read 1 --at 5").err


def test_a_terminal_gets_no_control_character_from_a_block(terminal: Conversation) -> None:
    terminal.run(r"alloc 8")
    terminal.run(r'write 1 "\e[2Jboo"')
    for form in ("text", "raw", "hex", "base64"):
        assert b"\x1b" not in terminal.run(f"read 1 --as {form}").data
