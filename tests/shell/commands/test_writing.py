"""Bytes into blocks of a real daemon: write, fill, copy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ether_protocol import MAX_PAYLOAD_BYTES, Client
from harness import Etherd
from shell.conftest import Talk
from shell.conversation import Conversation


@pytest.fixture
def shell(etherd: Etherd, talk: Talk) -> Conversation:
    """A shell as a script has it."""
    return talk(etherd.address)


def test_fill_and_copy_go_to_the_end_of_the_block_by_default(shell: Conversation) -> None:
    shell.run("alloc 8")
    shell.run("write 1 abcdefgh")
    assert shell.run("fill 1 . --at 6").err == "filled 2 B at 6 in 1 with 0x2e\n"
    assert shell.run("copy 1 1 --from 4 --at 0").err == "copied 4 B from 4 in 1 to 0 in 1\n"
    assert shell.run("read 1 --as raw").data == b"ef..ef.."


def test_a_copy_of_more_than_a_message_may_touch(shell: Conversation, client: Client) -> None:
    size = MAX_PAYLOAD_BYTES + 100
    block = client.alloc(size + 50)
    data = bytes(range(251)) * (size // 251 + 1)
    block.write(data[:size])
    assert shell.run(f"copy 1 1 {size} --at 50").status == 0
    assert block.read(size, 50) == data[:size]
    said = shell.run(f"copy 1 1 {size} --at 51")
    assert (said.status, "(OVERFLOW)" in said.err) == (1, True)
    assert block.read(size, 50) == data[:size]


BEYOND = MAX_PAYLOAD_BYTES + 1


@pytest.mark.parametrize("line", ["write 1 @{file}", "write 1 @-", "fill 1 1 {size}"])
def test_what_needs_several_messages_and_does_not_fit_changes_nothing(
    etherd: Etherd, talk: Talk, client: Client, tmp_path: Path, line: str
) -> None:
    block = client.alloc(MAX_PAYLOAD_BYTES)
    file = tmp_path / "big"
    file.write_bytes(b"x" * BEYOND)
    with file.open("rb") as stdin:
        said = talk(etherd.address, stdin=stdin).run(line.format(file=file, size=BEYOND))
    assert (said.status, "(OVERFLOW)" in said.err) == (1, True)
    assert f"[0:{BEYOND}]: the block has {MAX_PAYLOAD_BYTES} bytes; nothing was" in said.err
    assert said.err.count("\n") == 1
    assert not any(block.read())


def test_a_large_file_that_fits_exactly(
    shell: Conversation, client: Client, tmp_path: Path
) -> None:
    block = client.alloc(BEYOND + 3)
    (tmp_path / "big").write_bytes(b"x" * BEYOND)
    assert shell.run(f"write 1 @{tmp_path}/big --at 3").status == 0
    assert block.read() == bytes(3) + b"x" * BEYOND


def test_a_pipe_that_is_too_long_tells_what_was_written(
    etherd: Etherd, talk: Talk, client: Client
) -> None:
    client.alloc(MAX_PAYLOAD_BYTES)
    said = talk(etherd.address, stdin=b"x" * BEYOND).run("write 1 @-")
    assert said.status == 1
    assert "; 16,777,216 bytes were written before that (OVERFLOW)\n" in said.err
    said = talk(etherd.address, stdin=b"x" * BEYOND, as_json=True).run("write 1 @-")
    assert json.loads(said.out)["written"] == MAX_PAYLOAD_BYTES
    said = talk(etherd.address, stdin=b"x", as_json=True).run("write 9 @-")
    assert "written" not in json.loads(said.out)


def test_standard_input_goes_into_a_block(talk: Talk, etherd: Etherd) -> None:
    shell = talk(etherd.address, stdin=b"\x00piped")
    shell.run("alloc 6")
    shell.run("write 1 @-")
    assert shell.run("read 1 --as raw").data == b"\x00piped"
