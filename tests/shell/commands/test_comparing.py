"""Snapshots and differences, against a real daemon."""

from __future__ import annotations

import json

import pytest

from ether_protocol import Client
from harness import Etherd
from shell.conftest import Talk
from shell.conversation import Conversation


@pytest.fixture
def person(etherd: Etherd, talk: Talk) -> Conversation:
    shell = talk(etherd.address, terminal=True, interactive=True)
    shell.run("alloc 32")
    return shell


def test_what_is_shown_on_a_terminal_is_kept(person: Conversation) -> None:
    person.run("read 1")
    person.run("write 1 abc")
    person.run("x/16xb 1")
    person.run("watch --count 2 0.05 read 1")
    assert person.run("snap").out == "    1  @1     32 B at 0\n    1  @2     16 B at 0\n"
    said = person.run("diff 1 @1 @2")
    assert said.out == (
        "00000000 >00>00>00 00 00 00 00 00 │⋄⋄⋄⋄⋄⋄⋄⋄│ >61>62>63 00 00 00 00 00 │abc⋄⋄⋄⋄⋄│\n"
        "… 1 equal row\n"
    )
    assert said.err == "@1 and @2: 3 bytes differ; both have only 0x0 to 0x10\n"


def test_a_block_is_compared_with_itself_now(person: Conversation, client: Client) -> None:
    assert person.run("snap 1").err == "@1: 32 B at 0 in 1\n"
    assert person.run("diff 1").err == "@1 and now: nothing differs\n"
    client.write(1, b"!", 31)
    said = person.run("diff 1")
    assert said.out.splitlines()[0] == "… 3 equal rows"
    assert said.err == "@1 and now: 1 byte differs\n"
    client.realloc(1, 8)
    assert "both have only 0x0 to 0x8" in person.run("diff 1 @1").err


def test_a_script_keeps_only_what_it_says(etherd: Etherd, talk: Talk) -> None:
    shell = talk(etherd.address, as_json=True)
    for line in ("alloc 4", "read 1", "snap 1 2 --at 1", "write 1 abcd", "snap 1"):
        shell.run(line)
    assert json.loads(shell.run("snap").out)["snapshots"] == [
        {"handle": 1, "number": 1, "offset": 1, "size": 2},
        {"handle": 1, "number": 2, "offset": 0, "size": 4},
    ]
    said = json.loads(shell.run("diff 1 @1 @2").out)
    assert said == {
        "command": "diff", "ok": True, "handle": 1, "first": 1, "second": 2, "offset": 1,
        "size": 2, "changes": [{"offset": 1, "before": "AAA=", "after": "YmM="}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "status", "says"),
    [
        ("diff 1", 1, "there is no snapshot of block 1: snap takes one"),
        ("diff 1 @4", 1, "there is no snapshot @4, or no longer of block 1"),
        ("diff 1 4", 2, "4 is not a snapshot, such as @1"),
        ("diff 1 @x", 2, "@x is not a snapshot"),
        ("snap 9", 1, "no block has handle 9"),
        ("snap 1 65MiB", 2, "snapshots hold 64 MiB"),
    ],
)
def test_what_can_not_be_compared(person: Conversation, line: str, status: int, says: str) -> None:
    said = person.run(line)
    assert says in said.err
    assert said.status == status


def test_ranges_without_a_common_byte(person: Conversation) -> None:
    person.run("x/4xb 1")
    person.run("x/4xb 1+4")
    assert "@1 and @2 have no byte in common" in person.run("diff 1 @1 @2").err
