"""A gibibyte is allocated without being touched, and freed without anybody waiting."""

from __future__ import annotations

import os

from ether_protocol import Client, connect
from harness import Etherd, until

MIB = 1024 * 1024
GIB = 1024 * MIB


def test_a_gibibyte_costs_nothing_until_it_is_used(etherd: Etherd, client: Client) -> None:
    before = etherd.resident_bytes
    block = client.alloc(GIB)
    assert len(block) == GIB
    assert block.read(10, GIB - 5) == bytes(5)
    assert etherd.resident_bytes - before < 8 * MIB


def test_freeing_a_used_gibibyte_gives_it_back_while_others_are_served(
    etherd: Etherd, client: Client
) -> None:
    before = etherd.resident_bytes
    block = client.alloc(GIB)
    for offset in range(0, GIB, 16 * MIB):
        client.fill(block.handle, 0xAA, offset, 16 * MIB)
    assert etherd.resident_bytes - before > 1000 * MIB
    with connect(etherd.address) as other:
        block.free()
        assert other.ping(b"at once") == b"at once"
        assert other.stats()["used_bytes"] == 0
    until(lambda: etherd.resident_bytes - before < 64 * MIB, "its pages are back")


def test_realloc_moves_nothing_and_leaves_nothing_behind(etherd: Etherd, client: Client) -> None:
    block = client.alloc(64 * MIB)
    data = os.urandom(40 * MIB)
    block.write(data, 3)
    block.resize(5 * MIB + 1)
    assert block.read() == (bytes(3) + data)[: 5 * MIB + 1]
    block.resize(512 * MIB)
    assert block.read(8 * MIB) == (bytes(3) + data)[: 5 * MIB + 1].ljust(8 * MIB, b"\0")
    block.resize(100)
    block.resize(300 * 1024)
    assert block.read() == (bytes(3) + data)[:100].ljust(300 * 1024, b"\0")
