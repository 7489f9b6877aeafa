"""Snapshots: numbered copies of what blocks held, for `diff`.

Rule: never more than `MOST_BYTES` are held; the oldest snapshots go first.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Final

MOST_BYTES: Final = 64 * 1024 * 1024

_OVERHEAD_BYTES: Final = 512
"""The cost of a snapshot besides its bytes, so that many small ones are bounded too."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of the bytes from `offset` on; the snapshots of a block are numbered from 1."""

    handle: int
    number: int
    offset: int
    data: bytes

    @property
    def end(self) -> int:
        """The offset behind its last byte."""
        return self.offset + len(self.data)


class Snapshots:
    """The snapshots of a session, by block. `instance` tells the blocks of two servers apart.

    `most` is how many bytes are held at most.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._held = 0
        self._kept: list[tuple[Hashable, Snapshot]] = []
        self._numbers: dict[tuple[Hashable, int], int] = {}

    def take(self, instance: Hashable, handle: int, offset: int, data: bytes) -> Snapshot | None:
        """Keep a copy; returns None where it is larger than `most`.

        If nothing has changed since the newest snapshot of the block, that one is returned.
        """
        newest = self.newest(instance, handle)
        if newest is not None and (newest.offset, newest.data) == (offset, data):
            return newest
        cost = len(data) + _OVERHEAD_BYTES
        if cost > self._most:
            return None
        number = self._numbers.get((instance, handle), 0) + 1
        self._numbers[instance, handle] = number
        taken = Snapshot(handle, number, offset, data)
        self._kept.append((instance, taken))
        self._held += cost
        while self._held > self._most:
            _, oldest = self._kept.pop(0)
            self._held -= len(oldest.data) + _OVERHEAD_BYTES
        return taken

    def kept(self, instance: Hashable) -> Iterator[Snapshot]:
        """The snapshots of all blocks, oldest first."""
        return (snapshot for at, snapshot in self._kept if at == instance)

    def find(self, instance: Hashable, handle: int, number: int) -> Snapshot | None:
        """Snapshot `number` of a block, None where there is none, or no longer."""
        mine = (each for each in self.kept(instance) if each.handle == handle)
        return next((each for each in mine if each.number == number), None)

    def newest(self, instance: Hashable, handle: int) -> Snapshot | None:
        """The last snapshot of a block, None where it is gone."""
        return self.find(instance, handle, self._numbers.get((instance, handle), 0))
