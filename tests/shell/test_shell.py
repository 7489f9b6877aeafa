"""Lines carried out against a real daemon."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ether_protocol import MAX_PAYLOAD_BYTES, Client
from ether_shell.commands import ranges
from harness import Etherd, until
from shell.conftest import Talk
from shell.conversation import Conversation


@pytest.fixture
def shell(etherd: Etherd, talk: Talk) -> Conversation:
    """What a script sees."""
    return talk(etherd.address)


@pytest.fixture
def terminal(etherd: Etherd, talk: Talk) -> Conversation:
    """What a script on a terminal sees."""
    return talk(etherd.address, terminal=True)


def test_a_block_from_birth_to_death(shell: Conversation) -> None:
    assert shell.run("alloc 32").out == "1\n"
    assert shell.run(r'write $_ "hello\n" --at 2').err == "wrote 6 B at 2 in 1\n"
    assert shell.run("read 1 8").out == (
        "00000000  00 00 68 65 6c 6c 6f 0a                           |..hello.|\n"
    )
    assert shell.run("read 1 5 --at 2 --as text").out == "hello\n"
    assert shell.run("read 1 6 --at 2 --as raw").data == b"hello\n"
    assert shell.run("read 1 3 --at 2 --as base64").out == "aGVs\n"
    assert shell.run("realloc $_ 4").err == "handle 1 now has 4 B\n"
    assert shell.run("read 1 --as raw").data == b"\0\0he"
    assert shell.run("free $_").err == "freed 1\n"
    said = shell.run("read 1")
    assert (said.status, said.out) == (1, "")
    assert said.err == "INFO handle 1: no block has handle 1 (NOT_FOUND)\n"


def test_the_last_handle_is_what_alloc_gave_until_it_is_freed(shell: Conversation) -> None:
    shell.run("alloc 1")
    shell.run("alloc 2")
    shell.run("free 1")
    assert shell.run("info $_ ").out.startswith("handle   2\n")
    shell.run("free 2")
    said = shell.run("write $_ x")
    assert said.status == 2
    assert said.err == ("there is no last handle yet: alloc makes one\n  write $_ x\n        ^\n")


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


def test_swap_and_add(shell: Conversation) -> None:
    shell.run("alloc 16")
    assert shell.run("swap 1 0 5").out == "0x0000000000000000\n"
    said = shell.run("swap 1 0 6")
    assert (said.status, said.out, said.err) == (0, "0x0000000000000005\n", "not swapped\n")
    assert shell.run("add 1 -7").out == "5\n"
    assert shell.run("read 1 8 --as raw").data == b"\xff" * 7 + b"\xfe"


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
    asked = []
    shell = talk(etherd.address, confirm=lambda question: bool(asked.append(question)))
    shell.run("alloc 1")
    shell.run("alloc 1")
    assert shell.run("free 1 2").err == "nothing was freed\n"
    assert asked == ["free 2 blocks?"]
    assert shell.run("free 1").err == "freed 1\n"


def test_standard_input_goes_into_a_block(talk: Talk, etherd: Etherd) -> None:
    shell = talk(etherd.address, stdin=b"\x00piped")
    shell.run("alloc 6")
    shell.run("write 1 @-")
    assert shell.run("read 1 --as raw").data == b"\x00piped"


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


def test_a_list_of_many_blocks(shell: Conversation, terminal: Conversation, client: Client) -> None:
    count = 4096 + 5  # one page and a little
    for _ in range(count):
        client.alloc(1)
    assert len(shell.run("list").out.splitlines()) == count
    said = terminal.run("list")
    assert len(said.out.splitlines()) == 100
    assert said.err == "… 4,001 more of 4,101 blocks; list --all\n"
    assert len(terminal.run("list --all").out.splitlines()) == count


def test_json_for_a_program(talk: Talk, etherd: Etherd) -> None:
    shell = talk(etherd.address, as_json=True, terminal=True)
    said = [
        shell.run(line)
        for line in ("alloc 1024", "write $_ hello", "read 1 5", "free 1", "free 1", "fre 1", '"')
    ]
    assert [each.out for each in said] == [
        '{"command":"alloc","ok":true,"handle":1,"size":1024}\n',
        '{"command":"write","ok":true,"handle":1,"offset":0,"size":5}\n',
        '{"command":"read","ok":true,"handle":1,"offset":0,"size":5,"data":"aGVsbG8="}\n',
        '{"command":"free","ok":true,"handle":1}\n',
        '{"command":"free","ok":false,"error":"NOT_FOUND",'
        '"message":"FREE handle 1: no block has handle 1"}\n',
        '{"command":"fre","ok":false,"error":"USAGE",'
        '"message":"unknown command \'fre\': did you mean free?"}\n',
        '{"command":null,"ok":false,"error":"USAGE","message":"this \\" has no closing \\""}\n',
    ]
    assert [each.err for each in said] == [""] * 7


def test_help_and_quit_need_no_server(talk: Talk) -> None:
    shell = talk("localhost:1")
    assert "alloc SIZE" in shell.run("help").out
    assert shell.run("help read").out.startswith("read HANDLE")
    assert "did you mean read?" in shell.run("help reed").err
    assert shell.run("quit").leave


def test_ping_hello_and_stats(shell: Conversation) -> None:
    assert shell.run("ping").out.startswith("pong, ")
    assert shell.run("hello").out.startswith("server           etherd")
    assert shell.run("stats").status == 0
