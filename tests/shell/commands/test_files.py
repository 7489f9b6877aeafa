"""Files into blocks and back, against a real daemon."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from ether_protocol import Client
from harness import Etherd
from shell.conftest import Talk
from shell.conversation import Conversation

STEP_BYTES = 1024


@pytest.fixture
def shell(etherd: Etherd, talk: Talk) -> Conversation:
    return talk(etherd.address, transfer_step_bytes=STEP_BYTES)


DATA = bytes(range(256)) * 10 + b"end"
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "data.bin"
    path.write_bytes(DATA)
    return path


def test_a_file_becomes_a_block_and_a_file_again(
    shell: Conversation, client: Client, file: Path
) -> None:
    said = shell.run(f"load {file}")
    assert said.out == "1\n"
    assert said.err == (f"loaded 2.5 KiB (2,563 bytes) at 0 in 1, which is new\nsha256 {SHA256}\n")
    assert client.read(1) == DATA
    out = file.with_name("again.bin")
    said = shell.run(f"dump $_ {out}")
    assert said.out == f"{SHA256}  {out}\n"
    assert out.read_bytes() == DATA
    assert set(file.parent.iterdir()) == {file, out}


def test_ranges(shell: Conversation, client: Client, file: Path) -> None:
    client.alloc(4000)
    assert shell.run(f"load {file} 1 --at 100").err.startswith(
        "loaded 2.5 KiB (2,563 bytes) at 100 in 1\n"
    )
    assert client.read(1) == bytes(100) + DATA + bytes(4000 - 100 - len(DATA))
    shell.run(f"dump 1 {file} 1500 --at 99")
    assert file.read_bytes() == b"\0" + DATA[:1499]
    said = shell.run(f"load {file} --at 5")
    assert (said.out, client.read(2)) == ("2\n", bytes(5) + b"\0" + DATA[:1499])


def test_what_a_program_is_told(etherd: Etherd, talk: Talk, file: Path) -> None:
    shell = talk(etherd.address, as_json=True)
    assert json.loads(shell.run(f"load {file}").out) == {
        "command": "load", "ok": True, "handle": 1, "offset": 0, "size": 2563,
        "sha256": SHA256, "allocated": True, "path": str(file),
    }  # fmt: skip
    assert json.loads(shell.run(f"dump 1 {file} 0").out) == {
        "command": "dump", "ok": True, "handle": 1, "offset": 0, "size": 0,
        "sha256": hashlib.sha256().hexdigest(), "path": str(file),
    }  # fmt: skip
    assert file.read_bytes() == b""


@pytest.mark.parametrize(
    ("line", "status", "says"),
    [
        ("load {file} 1", 1, "the block has 10 bytes; nothing was changed"),
        (
            "load /nowhere/at/all",
            2,
            "can't read /nowhere/at/all: No such file or directory\n",
        ),
        ("load {empty}", 2, "is empty, and a block has at least one byte\n"),
        ("load -", 2, "the length of - is known only at its end: name a block, load FILE HANDLE\n"),
        ("load {file} 9", 1, "no block has handle 9"),
        ("dump 9 {file}", 1, "no block has handle 9"),
        ("dump 1 {file} 11", 2, "block 1 has 10 bytes: [0:11] is not within it\n"),
        ("dump 1 {file} --at 11", 2, "block 1 has 10 bytes"),
        ("dump 1 -", 2, "read HANDLE --as raw writes to standard output; a file called - is ./-"),
        ("dump 1 /nowhere/at/all", 2, "can't write /nowhere/at/all: No such file or directory\n"),
        ('dump 1 "a\\0b"', 2, "is not the name of a file\n"),
    ],
)
def test_what_can_not_be_done_changes_nothing(
    etherd: Etherd, talk: Talk, client: Client, file: Path, line: str, status: int, says: str
) -> None:
    client.alloc(10).write(b"0123456789")
    empty = file.with_name("empty")
    empty.touch()
    said = talk(etherd.address, stdin=b"").run(line.format(file=file, empty=empty))
    assert (said.status, said.out, says in said.err) == (status, "", True)
    assert file.read_bytes() == DATA
    assert sorted(path.name for path in file.parent.iterdir()) == ["data.bin", "empty"]
    assert (client.list()[0], client.read(1)) == (1, b"0123456789")


def test_a_pipe_goes_into_a_block_that_is_named(etherd: Etherd, talk: Talk, client: Client) -> None:
    client.alloc(2000)
    shell = talk(etherd.address, stdin=b"x" * 1500, transfer_step_bytes=STEP_BYTES)
    assert shell.run("load - 1").status == 0
    assert client.read(1) == b"x" * 1500 + bytes(500)
    shell = talk(etherd.address, stdin=b"y" * 2001, transfer_step_bytes=STEP_BYTES)
    said = shell.run("load - 1")
    assert (said.status, "1,024 bytes were written to 1 before that" in said.err) == (1, True)


def test_a_file_that_is_there_is_replaced_after_a_question(
    etherd: Etherd, talk: Talk, client: Client, file: Path
) -> None:
    asked: list[str] = []

    def refuse(question: str) -> bool:
        asked.append(question)
        return False

    shell = talk(etherd.address, confirm=refuse)
    client.alloc(10)
    assert shell.run(f"dump 1 {file}").err == "nothing was written\n"
    assert asked == [f"replace {file}?"]
    assert file.read_bytes() == DATA
    assert shell.run(f"dump 1 {file.parent}/other").status == 0


@pytest.mark.parametrize(("after", "kept"), [(0, None), (1, 1024), (2, 2048)])
def test_an_interrupted_dump_leaves_the_file_and_keeps_what_came(
    shell: Conversation,
    client: Client,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    after: int,
    kept: int | None,
) -> None:
    client.alloc(5000).write(b"z" * 5000)
    read, count = Client.read, 0

    def interrupted(self: Client, handle: int, size: int | None = None, offset: int = 0) -> bytes:
        nonlocal count
        count += 1
        if count > after:
            raise KeyboardInterrupt
        return read(self, handle, size, offset)

    monkeypatch.setattr(Client, "read", interrupted)
    said = shell.run(f"dump 1 {file}")
    part = file.with_name("data.bin.part")
    assert (said.status, file.read_bytes()) == (130, DATA)
    if kept is None:
        assert (said.err, part.exists()) == ("interrupted\n", False)
    else:
        assert said.err == f"interrupted; {part} keeps the {kept:,} bytes that came before that\n"
        assert part.read_bytes() == b"z" * kept


def test_a_person_sees_how_far_it_is(etherd: Etherd, talk: Talk, file: Path) -> None:
    shell = talk(etherd.address, terminal=True, transfer_step_bytes=STEP_BYTES)
    for line in (f"load {file}", f"dump 1 {file}"):
        bar, done = shell.run(line).err.rsplit("\r\x1b[K", 1)
        assert bar.startswith(f"\r\x1b[K{line[:4]} ━━━")
        assert "39%   1.0 KiB of 2.5 KiB" in bar
        assert done.startswith(f"{line[:4]}ed 2.5 KiB")
    said = talk(etherd.address).run(f"load {file}")
    assert "\x1b" not in said.err


def test_a_link_stays_a_link_and_a_device_a_device(
    shell: Conversation, client: Client, file: Path
) -> None:
    client.alloc(10)
    link = file.with_name("link")
    link.symlink_to(file)
    assert shell.run(f"dump 1 {link}").status == 0
    assert (link.is_symlink(), file.read_bytes()) == (True, bytes(10))
    assert shell.run("dump 1 /dev/null").status == 0
    assert Path("/dev/null").is_char_device()


def test_a_pipe_that_only_a_descriptor_names(
    shell: Conversation, client: Client, file: Path
) -> None:
    client.alloc(10).write(b"0123456789")
    there, here = os.pipe()
    try:
        assert shell.run(f"dump 1 /dev/fd/{here}").status == 0
        assert os.read(there, 100) == b"0123456789"
    finally:
        os.close(there)
        os.close(here)


def test_a_write_that_was_interrupted_before_it_was_counted_counts(
    shell: Conversation, client: Client, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.alloc(1000)
    write = os.write

    def interrupted(descriptor: int, data: bytes) -> int:
        write(descriptor, data)
        raise KeyboardInterrupt

    monkeypatch.setattr("ether_shell.session.save_file.os.write", interrupted)
    said = shell.run(f"dump 1 {file}")
    part = file.with_name("data.bin.part")
    assert said.err == f"interrupted; {part} keeps the 1,000 bytes that came before that\n"


def test_a_name_that_is_no_text_is_shown_escaped(shell: Conversation, file: Path) -> None:
    shell.run("alloc 4")
    said = shell.run(f'dump 1 "{file.parent}/a\\e[2J\\xff"')
    assert (said.status, f"to {file.parent}/a\\e[2J\\xff\n" in said.err) == (0, True)
