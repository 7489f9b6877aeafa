"""A numpy array that lives in a block: stored once, mapped back by any program that has its handle.

    python examples/numpy_block.py localhost:9999

Rule: the bytes go from the array to the block and back without a copy in
between; what the array is, its shape and its type, both sides have to know.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from ether_protocol import Block, Client, connect


def store(client: Client, array: npt.NDArray[Any]) -> Block:
    """A new block that holds the elements of `array`."""
    block = client.alloc(array.nbytes)
    block.write(array.data)
    return block


def load(block: Block, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """The array that `store` put into `block`."""
    array = np.empty(shape, dtype)
    block.readinto(array.data)
    return array


def load_row(block: Block, row: int, columns: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """One row of a matrix, without the others."""
    line = np.empty(columns, dtype)
    block.readinto(line.data, offset=row * line.nbytes)
    return line


def main(address: str) -> None:
    """Store a matrix, change one row of it in place, and map it back."""
    matrix = np.arange(12, dtype=np.float64).reshape(3, 4)
    with connect(address) as client, store(client, matrix) as block:
        block.write(np.full(4, 7.0).data, offset=1 * matrix.strides[0])
        print(load(block, matrix.shape, matrix.dtype))
        print(load_row(block, 2, 4, matrix.dtype))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "localhost:9999")
