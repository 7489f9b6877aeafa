"""One direction of a TCP connection, from the segments that a capture saw.

Rule: pure.  Bytes come out in order and once; that some never came is said as
soon as it is certain, and not before.
"""

from __future__ import annotations

from collections.abc import Iterator

_SEQUENCE_MODULUS = 2**32


class Missing(int):
    """So many bytes were sent that the capture does not have."""


class Reassembly:
    """Puts segments in order and drops what was sent twice; `first` is the first byte's number."""

    def __init__(self, first: int) -> None:
        self._first = self._next = first
        self._early: dict[int, tuple[int, bytes]] = {}

    def begins_at(self, sequence: int) -> bool:
        """Whether the first byte has this number."""
        return (sequence - self._first) % _SEQUENCE_MODULUS == 0

    def segment(self, sequence: int, data: bytes, length: int) -> Iterator[bytes | Missing]:
        """Take a segment of `length` bytes and give what comes in its turn.

        `data` is shorter than that where the capture kept only a packet's beginning.
        """
        at = self._position(sequence)
        kept = self._early.get(at, (0, b""))
        if (length, len(data)) > (kept[0], len(kept[1])):
            self._early[at] = (length, data)
        yield from self._in_turn()

    def acknowledged(self, sequence: int) -> Iterator[bytes | Missing]:
        """The other side has everything before `sequence`: what of it is missing stays so."""
        end = self._position(sequence)
        while self._early and min(self._early) <= end:
            yield from self._give_up()

    def end(self) -> Iterator[bytes | Missing]:
        """No more segments come."""
        while self._early:
            yield from self._give_up()

    def _position(self, sequence: int) -> int:
        """The number without the wrap at 4 GiB, as the one nearest to what is due."""
        half = _SEQUENCE_MODULUS // 2
        return self._next + (sequence - self._next + half) % _SEQUENCE_MODULUS - half

    def _give_up(self) -> Iterator[bytes | Missing]:
        first = min(self._early)
        yield Missing(first - self._next)
        self._next = first
        yield from self._in_turn()

    def _in_turn(self) -> Iterator[bytes | Missing]:
        while self._early and (first := min(self._early)) <= self._next:
            length, data = self._early.pop(first)
            fresh = first + length - self._next
            if fresh <= 0:
                continue
            data = data[self._next - first :]
            self._next += fresh
            if data:
                yield data
            if len(data) < fresh:
                yield Missing(fresh - len(data))
