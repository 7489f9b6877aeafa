"""A payload is held once: in the buffer of the caller, or in the bytes that are returned.

Where a payload-sized allocation is made is seen by its peak: Python's own
accounting of memory knows every byte that the client could have copied to.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from ether_protocol import Block, Client
from protocol.client.either import Either

MIB = 1024 * 1024
SIZE = 64 * MIB
PART = 16 * MIB
"""The longest message; a long range comes as several, which are joined to the one result."""

SLACK = 2 * MIB
"""Receive buffers, chunks on their way to the transport, objects."""


def _peak_bytes(act: Callable[[], Any]) -> int:
    """The most memory that was allocated during `act`, its result included."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        act()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.fixture
def block(any_client: Client) -> Any:
    with any_client.alloc(SIZE) as block:
        block.fill(7)
        yield block


def test_the_measure_sees_a_copy() -> None:
    source = bytes(PART)
    assert _peak_bytes(lambda: bytearray(source)) >= PART


def test_readinto_makes_no_copy(block: Block) -> None:
    target = bytearray(SIZE)
    assert _peak_bytes(lambda: block.readinto(target)) < SLACK
    assert target == bytes([7]) * SIZE


@pytest.mark.parametrize("make", [bytes, bytearray], ids=lambda make: make.__name__)
def test_write_makes_no_copy(block: Block, make: Callable[[int], Any]) -> None:
    data = make(SIZE)
    assert _peak_bytes(lambda: block.write(data)) < SLACK
    assert block[:1] == b"\0"


def test_read_of_one_message_makes_the_result(each: Either, block: Block) -> None:
    """The asyncio client receives into a buffer that grows, and makes bytes of it once."""
    copies = 0 if each.loop is None else 1
    assert PART <= _peak_bytes(lambda: block.read(PART)) < (1 + copies) * PART + SLACK


def test_read_of_a_long_range_holds_it_once_beside_the_result(block: Block) -> None:
    assert SIZE <= _peak_bytes(lambda: block.read(SIZE)) < 2 * SIZE + SLACK
