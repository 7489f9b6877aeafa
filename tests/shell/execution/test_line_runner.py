"""Lines carried out against a real daemon."""

from __future__ import annotations

import pytest

from harness import Etherd
from shell.conftest import Talk
from shell.conversation import Conversation


@pytest.fixture
def shell(etherd: Etherd, talk: Talk) -> Conversation:
    """What a script sees."""
    return talk(etherd.address)


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
