"""Latencies, counted in buckets, so that any number of them takes little memory.

Rule: arithmetic only. A latency is known to within 1/64 of its value, the longest exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_MANTISSA_BITS: Final = 7
_STEPS: Final = (1, 2, 5)
_FINEST_NS: Final = 1_000


class Latencies:
    """Counts of latencies, in nanoseconds."""

    def __init__(self) -> None:
        self.count = 0
        self.longest_ns = 0
        self._buckets: dict[int, int] = {}

    def add(self, elapsed_ns: int) -> None:
        """Count one latency."""
        shift = max(0, elapsed_ns.bit_length() - _MANTISSA_BITS)
        bucket = shift << _MANTISSA_BITS | elapsed_ns >> shift
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        self.count += 1
        if elapsed_ns > self.longest_ns:
            self.longest_ns = elapsed_ns

    def percentile(self, percent: float) -> int:
        """The latency in nanoseconds that `percent` of all do not exceed; 0 if there are none."""
        wanted = self.count * percent / 100
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                return min(_upper_ns(bucket), self.longest_ns)
        return 0

    def histogram(self) -> list[tuple[int, int]]:
        """Rows of (upper bound in nanoseconds, how many latencies are above the row before).

        The bounds are 1, 2, 5, 10 … microseconds, from the first row that is not empty to the
        last.
        """
        rows: list[tuple[int, int]] = []
        left = sorted(self._buckets)
        for bound in _bounds():
            within = 0
            while left and _upper_ns(left[0]) <= bound:
                within += self._buckets[left.pop(0)]
            if within or rows:
                rows.append((bound, within))
            if not left:
                return rows
        return rows


def _upper_ns(bucket: int) -> int:
    """The longest latency, in nanoseconds, that is counted in `bucket`."""
    shift, mantissa = bucket >> _MANTISSA_BITS, bucket & (1 << _MANTISSA_BITS) - 1
    return (mantissa + 1 << shift) - 1


def _bounds() -> Iterator[int]:
    decade = _FINEST_NS
    while True:
        yield from (step * decade for step in _STEPS)
        decade *= 10
