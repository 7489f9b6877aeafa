"""`x` against a real daemon."""

from __future__ import annotations

import json

import pytest

from ether_shell.commands.examine import LONGEST_STRING_BYTES
from harness import Etherd
from shell.conftest import Talk
from shell.conversation import Conversation


@pytest.fixture
def person(etherd: Etherd, talk: Talk) -> Conversation:
    shell = talk(etherd.address, terminal=True, interactive=True)
    shell.run("alloc 100")
    shell.run('write 1 "hello\\0world\\0"')
    return shell


def test_an_empty_line_goes_on_where_x_ended(person: Conversation) -> None:
    assert person.run("x/2xh 1").out == "00000000  6568 6c6c  │hell│\n"
    assert person.run("").out == "00000004  006f 6f77  │o⋄wo│\n"
    assert person.run("").out == "00000008  6c72 0064  │rld⋄│\n"
    person.run("ping")
    assert person.run("").out == ""


def test_an_empty_line_keeps_the_manner(person: Conversation) -> None:
    person.run("x/1xw $_+4 --big --full")
    assert person.run("").out == "00000008  726c6400  │rld⋄│\n"


def test_nothing_goes_on_behind_the_end(person: Conversation) -> None:
    said = person.run("x/8xb 1+96")
    assert (said.out[:8], said.err) == ("00000060", "the block ends at 0x64\n")
    assert person.run("").err == "the block ends at 0x64\n"
    assert person.run("").err == ""


def test_in_a_script_an_empty_line_is_empty(etherd: Etherd, talk: Talk) -> None:
    shell = talk(etherd.address)
    shell.run("alloc 100")
    shell.run("x 1")
    assert shell.run("").out == ""


def test_strings_are_found_and_long_ones_cut(person: Conversation) -> None:
    assert person.run("x/3s 1").out == '00000000  "hello"\n00000006  "world"\n0000000c  ""\n'
    person.run("alloc 10000")
    person.run("fill 2 a 5000")
    person.run("x/25s 2")
    last = person.run("").out.splitlines()
    assert last[0] == '00001388  ""'
    person.run("fill 2 a")
    assert person.run(f"x/s 2+{10000 - LONGEST_STRING_BYTES - 1}").out.endswith('"…\n')
    assert person.run("").out == '0000270f  "a"\n'
    assert person.run("").err == "the block ends at 0x2710\n"


def test_very_much_is_cut_on_a_terminal(person: Conversation) -> None:
    person.run("alloc 100000")
    assert "98,464 bytes left out" in person.run("x/100000xb 2").out
    assert "left out" not in person.run("x/100000xb 2 --all").out


def test_json_has_the_values(etherd: Etherd, talk: Talk) -> None:
    shell = talk(etherd.address, as_json=True)
    shell.run("alloc 6")
    shell.run("write 1 hex:ffff 0100 41")
    said = json.loads(shell.run("x/2dh 1").out)
    assert said == {
        "command": "x", "ok": True, "handle": 1, "offset": 0, "size": 4, "unit": 2,
        "values": [-1, 1],
    }  # fmt: skip
    said = json.loads(shell.run("x/s 1+4").out)
    assert said["strings"] == [{"offset": 4, "data": "QQ=="}]
