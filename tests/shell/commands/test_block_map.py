"""All blocks of a real daemon in one picture."""

from __future__ import annotations

import json
from pathlib import Path

from ether_protocol import Client
from harness import Etherd
from shell.conftest import Talk
from shell.screen import Screen


def test_own_blocks_are_known(etherd: Etherd, client: Client, talk: Talk) -> None:
    shell = talk(etherd.address, as_json=True)
    client.alloc(100)
    for line in ("alloc 200", "alloc 300", "free 3"):
        shell.run(line)
    said = json.loads(shell.run("map").out)
    assert said["used_bytes"] >= 300
    assert said["blocks"] == [
        {"handle": 1, "size": 100, "own": False},
        {"handle": 2, "size": 200, "own": True},
    ]


def test_it_can_be_watched_but_not_twice(etherd: Etherd, talk: Talk) -> None:
    shell = talk(etherd.address)
    assert shell.run("watch --count 2 0.05 map").out.count("0 blocks, ") == 2
    assert "is not for watching" in shell.run("watch 1 map --watch").err


CTRL_C, ENTER = "\x03", "\r"


def test_the_map_changes_with_the_blocks(etherd: Etherd, client: Client, home: Path) -> None:
    with Screen(etherd.address, home=home) as screen:
        screen.is_asked("0 blocks")
        screen.type("alloc 1000" + ENTER + "map --watch" + ENTER)
        screen.sees("every 1 s: map", "1 block, 1000 B of", "*1████")
        client.alloc(1000)
        screen.sees("2 blocks, 2.0 KiB of", "*1████", "2▒▒▒▒")
        screen.type(CTRL_C)
        screen.is_asked("rounds in")
