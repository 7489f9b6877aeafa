"""What `block[10:20]` and `block[-1] = 7` mean, with every client."""

from __future__ import annotations

from typing import Any

import pytest

from ether_protocol import (
    Block,
    Client,
)
from protocol.client.text import TEXT

SLICES = [
    slice(None),
    slice(10),
    slice(10, 20),
    slice(20, 10),
    slice(10, 10),
    slice(1000, 5000),
    slice(1024, 1030),
    slice(5000, 6000),
    slice(-10, None),
    slice(-20, -10),
    slice(-5000, 3),
    slice(-1, -5),
    slice(None, None, 2),
    slice(3, 50, 7),
    slice(None, None, -1),
    slice(900, 3, -100),
    slice(-3, -50, -7),
    slice(3, 50, -1),
    slice(0, 2**70),
    slice(2**70, 2**70 + 5),
    slice(2**64 - 1, 2**64 + 5),
    slice(-(2**70), None, 100),
]


@pytest.mark.parametrize("key", SLICES, ids=str)
def test_a_slice_is_what_it_is_of_bytes(block: Block, key: slice) -> None:
    assert block[key] == TEXT[key]


@pytest.mark.parametrize("index", [0, 5, 1023, -1, -1024])
def test_an_index_gives_a_number(block: Block, index: int) -> None:
    assert block[index] == TEXT[index]


@pytest.mark.parametrize("index", [1024, 5000, -1025, 2**70, -(2**70), 2**64 - 1])
def test_an_index_outside_is_an_index_error(block: Block, index: int) -> None:
    with pytest.raises(IndexError, match=f"block {block.handle} has no byte {index}"):
        block[index]


@pytest.mark.parametrize("key", ["a", 1.5, None, slice("a", None), slice(0, 1.5)], ids=str)
def test_a_key_that_is_no_number_is_a_type_error(block: Block, key: Any) -> None:
    with pytest.raises(TypeError):
        block[key]


def test_a_step_of_0_is_a_value_error(block: Block) -> None:
    with pytest.raises(ValueError, match="step"):
        block[::0]


def test_a_number_like_thing_is_an_index(block: Block) -> None:
    class Third:
        def __index__(self) -> int:
            return 3

    assert block[Third()] == 3
    assert block[Third() : 10 : Third()] == TEXT[3:10:3]


def test_slices_and_indices_can_be_set(client: Client) -> None:
    """A blocking block alone has them: nobody can await an assignment."""
    mirror = bytearray(TEXT)
    with client.alloc(len(TEXT)) as block:
        block.write(TEXT)
        parts: list[tuple[slice, Any]] = [
            (slice(3, 8), b"hello"),
            (slice(-5, None), memoryview(b"world")),
            (slice(10, 10), b""),
            (slice(None), TEXT[::-1]),
        ]
        for key, value in parts:
            block[key] = value
            mirror[key] = value
        for index, number in [(0, 255), (-1, 0), (1023, True)]:
            block[index] = number
            mirror[index] = number
        assert block.read() == mirror

        for key, value in [(slice(3, 8), b"four"), (slice(0, 4, 2), b"ab"), (slice(0, 2000), TEXT)]:
            with pytest.raises(ValueError, match="slice"):
                block[key] = value
        for index in (1024, -1025, 2**70):
            with pytest.raises(IndexError):
                block[index] = 0
        for index, number in [(0, 256), (0, -1)]:
            with pytest.raises(ValueError, match="is not a byte"):
                block[index] = number
        for wrong, what in [(0, b"a"), (slice(0, 1), 5), ("a", 5), (0, 1.5)]:
            with pytest.raises(TypeError):
                block[wrong] = what  # type: ignore[index,assignment]  # that is what is tested
        assert block.read() == mirror
