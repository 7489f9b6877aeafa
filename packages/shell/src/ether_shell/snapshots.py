"""What blocks held when they were looked at: numbered copies, for `diff`.

Rule: never more than `MOST_BYTES` in memory; the oldest go first.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Final

MOST_BYTES: Final = 64 * 1024 * 1024

_OVERHEAD_BYTES: Final = 512
"""What a snapshot costs besides its bytes, so that very many small ones are bounded too."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`data` stood from `offset` on in block `handle`; its snapshots are numbered from 1 on."""

    handle: int
    number: int
    offset: int
    data: bytes

    @property
    def end(self) -> int:
        """The offset behind its last byte."""
        return self.offset + len(self.data)


class Snapshots:
    """The snapshots of a conversation, by block; `home` tells one server's blocks from another's.

    `most` is how many bytes are held at once.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._held = 0
        self._kept: list[tuple[Hashable, Snapshot]] = []
        self._numbers: dict[tuple[Hashable, int], int] = {}

    def take(self, home: Hashable, handle: int, offset: int, data: bytes) -> Snapshot | None:
        """Keep a copy; None where it is larger than all that may be held.

        What is as the newest one of the block already is no new snapshot.
        """
        newest = self.newest(home, handle)
        if newest is not None and (newest.offset, newest.data) == (offset, data):
            return newest
        cost = len(data) + _OVERHEAD_BYTES
        if cost > self._most:
            return None
        number = self._numbers.get((home, handle), 0) + 1
        self._numbers[home, handle] = number
        taken = Snapshot(handle, number, offset, data)
        self._kept.append((home, taken))
        self._held += cost
        while self._held > self._most:
            _, oldest = self._kept.pop(0)
            self._held -= len(oldest.data) + _OVERHEAD_BYTES
        return taken

    def kept(self, home: Hashable) -> Iterator[Snapshot]:
        """Those of all blocks, the oldest first."""
        return (snapshot for at, snapshot in self._kept if at == home)

    def find(self, home: Hashable, handle: int, number: int) -> Snapshot | None:
        """Snapshot `number` of a block, None where it was never taken or has gone."""
        mine = (each for each in self.kept(home) if each.handle == handle)
        return next((each for each in mine if each.number == number), None)

    def newest(self, home: Hashable, handle: int) -> Snapshot | None:
        """The last one that was taken of a block."""
        return self.find(home, handle, self._numbers.get((home, handle), 0))
