"""A payload on its way in: where its bytes go, and how many are missing.

Rule: memory grows with what has arrived, never with what a header claims.
"""

from __future__ import annotations

from typing import Protocol

from ether_protocol.wire.messages import Buffer

_STEP_BYTES = 256 * 1024


class Payload(Protocol):
    """The memory of one payload while it is received, and while it is lent out."""

    @property
    def missing(self) -> int:
        """How many bytes are still to come."""

    @property
    def held_bytes(self) -> int:
        """How much memory is kept for it."""

    def room(self) -> memoryview:
        """Where the next bytes belong; never empty while bytes are missing."""

    def filled(self, count: int) -> None:
        """`count` bytes now stand at the start of what `room` returned."""

    def take_in(self, data: memoryview) -> int:
        """Copy in as much of `data` as belongs to the payload; returns how many bytes."""

    def value(self) -> Buffer:
        """The payload, once nothing is missing."""

    def release(self) -> None:
        """The receiver's caller has finished with `value`."""


class GrowingPayload:
    """A payload in the caller's buffer, or in one that grows as the bytes come."""

    __slots__ = ("_filled", "_given", "_length", "_target", "_whole")

    def __init__(self, length: int, into: memoryview | None = None) -> None:
        """Receive `length` bytes `into` the caller's buffer, which holds that many."""
        self._length = length
        self._filled = 0
        self._given = into
        self._whole = b""
        self._target = bytearray()

    @property
    def missing(self) -> int:
        """How many bytes are still to come."""
        return self._length - self._filled

    @property
    def held_bytes(self) -> int:
        """How much memory is kept for it."""
        return self._filled if self._given is not None else max(len(self._whole), len(self._target))

    @property
    def untouched(self) -> bool:
        """Whether nothing has arrived yet, and no buffer was given for it."""
        return not self._filled and self._given is None

    def room(self) -> memoryview:
        """Where the next bytes belong."""
        if self._given is not None:
            return self._given[self._filled : self._length]
        if self._filled == len(self._target):
            # At most twice what has really arrived: a header is only a claim.
            more = max(self._filled, _STEP_BYTES)
            self._target.extend(bytes(min(more, self.missing)))
        return memoryview(self._target)[self._filled :]

    def adopt(self, data: bytes) -> None:
        """Be `data`, the whole payload, without a copy."""
        self._whole = data
        self._filled = len(data)

    def filled(self, count: int) -> None:
        """`count` bytes now stand at the start of what `room` returned."""
        self._filled += count

    def take_in(self, data: memoryview) -> int:
        """Copy in as much of `data` as belongs to the payload; returns how many bytes."""
        count = 0
        while count < len(data) and self.missing:
            with self.room() as room:
                step = min(len(room), len(data) - count)
                room[:step] = data[count : count + step]
            self.filled(step)
            count += step
        return count

    def divert(self) -> None:
        """Leave the caller's buffer alone from now on: its owner no longer waits."""
        if self._given is not None:
            self._given = memoryview(bytearray(self._length))

    def value(self) -> Buffer:
        """The payload, once nothing is missing."""
        if self._whole:
            return self._whole
        return self._target if self._given is None else self._given[: self._length]

    def release(self) -> None:
        """Nothing: the memory belongs to whoever holds `value`."""
