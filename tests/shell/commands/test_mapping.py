"""All blocks of a real daemon in one picture."""

from __future__ import annotations

import json

from ether_protocol import Client
from harness import Etherd
from shell.conftest import Talk


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
