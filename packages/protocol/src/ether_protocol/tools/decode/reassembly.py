"""One direction of a TCP connection, from the segments that a capture saw.

Rule: no I/O.  Bytes come out in order and once; missing bytes are reported as
soon as it is certain that they will not come.
"""

from __future__ import annotations

from collections.abc import Iterator

_SEQUENCE_MODULUS = 2**32


class Missing(int):
    """How many bytes were sent that the capture does not have."""


class Reassembly:
    """Puts segments in order and drops repeated bytes; the first byte has number `first`."""

    def __init__(self, first: int) -> None:
        self._first = self._next = first
        self._early: dict[int, tuple[int, bytes]] = {}

    def begins_at(self, sequence: int) -> bool:
        """Whether the first byte has this number."""
        return (sequence - self._first) % _SEQUENCE_MODULUS == 0

    def segment(self, sequence: int, data: bytes, length: int) -> Iterator[bytes | Missing]:
        """Take a segment of `length` bytes and yield all bytes that are now in order.

        `data` is shorter if the capture has only the beginning of the packet.
        """
        at = self._position(sequence)
        kept = self._early.get(at, (0, b""))
        if (length, len(data)) > (kept[0], len(kept[1])):
            self._early[at] = (length, data)
        yield from self._in_order()

    def acknowledged(self, sequence: int) -> Iterator[bytes | Missing]:
        """Report gaps before `sequence`: acknowledged bytes are not sent again."""
        end = self._position(sequence)
        while self._early and min(self._early) <= end:
            yield from self._skip_gap()

    def end(self) -> Iterator[bytes | Missing]:
        """Report all gaps: no more segments come."""
        while self._early:
            yield from self._skip_gap()

    def _position(self, sequence: int) -> int:
        """`sequence` without its wrap at 4 GiB: the position nearest to the next byte."""
        half = _SEQUENCE_MODULUS // 2
        return self._next + (sequence - self._next + half) % _SEQUENCE_MODULUS - half

    def _skip_gap(self) -> Iterator[bytes | Missing]:
        first = min(self._early)
        yield Missing(first - self._next)
        self._next = first
        yield from self._in_order()

    def _in_order(self) -> Iterator[bytes | Missing]:
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
