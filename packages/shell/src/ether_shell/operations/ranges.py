"""Ranges in steps: which parts of a long read are fetched, in which order a long copy is done.

Rule: arithmetic and plain data only; no connection is known here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ether_protocol import MAX_PAYLOAD_BYTES

READ_STEP_BYTES: Final = 3 * 1024 * 1024
"""Bytes of a long read that are held at a time: whole rows of hex, whole groups of base64."""

GUARD_BYTES: Final = 64 * 1024
"""A read of more than this is cut short on a terminal."""

HEAD_BYTES: Final = 1024
TAIL_BYTES: Final = 512


@dataclass(frozen=True, slots=True)
class DataPart:
    """Bytes of a block, from `offset` on."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes of a block that were left out, from `offset` on."""

    offset: int
    size: int


Part = DataPart | Gap


def abridged(offset: int, size: int) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """(offset, size) of the head, of what is left out, and of the tail of a long range."""
    gap = size - HEAD_BYTES - TAIL_BYTES
    start = offset + HEAD_BYTES
    return (offset, HEAD_BYTES), (start, gap), (start + gap, TAIL_BYTES)


def steps(offset: int, size: int, most: int = READ_STEP_BYTES) -> Iterator[tuple[int, int]]:
    """(offset, size) of the steps, each at most `most`, that make up a range; at least one."""
    for done in range(0, size or 1, most):
        yield offset + done, min(most, size - done)


def copy_steps(
    source: int, target: int, size: int, *, same_block: bool
) -> list[tuple[int, int, int]]:
    """(source offset, target offset, size) of each COPY, in an order safe for overlapping ranges.

    One COPY is a memmove; where several are needed and the target lies ahead
    in the same block, the last goes first.
    """
    cut = [(source + done, target + done, step) for done, step in steps(0, size, MAX_PAYLOAD_BYTES)]
    if same_block and source < target:
        cut.reverse()
    return cut
