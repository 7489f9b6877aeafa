"""The cases of the benchmark: what is asked, how large, by how many connections, how deep.

Rule: a table.  Adding a case is adding a line; how it is measured stands elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Case:
    """`depth` requests of `size` bytes in flight on each of `connections`."""

    verb: str
    size: int
    connections: int
    depth: int

    @property
    def name(self) -> str:
        """`READ 1 KiB, 32 x 1`, or without a size where there is none."""
        what = f"{self.verb} {size_name(self.size)}" if self.size else self.verb
        return f"{what}, {self.connections:,} × {self.depth}"


def size_name(size: int) -> str:
    """64 B, 1 KiB, 16 MiB."""
    for unit, name in ((MIB, "MiB"), (KIB, "KiB")):
        if size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size} B"


_SHAPES = {
    64: [(1, 1), (32, 1), (16, 64), (1000, 1), (10_000, 1)],
    KIB: [(1, 1), (32, 1), (16, 64), (1000, 1), (10_000, 1)],
    64 * KIB: [(1, 1), (32, 1), (16, 64), (1000, 1)],
    MIB: [(1, 1), (4, 1), (32, 1)],
    16 * MIB: [(1, 1), (4, 1)],
}
"""Connections and depth by size; beyond these the bytes in flight would not fit the machine."""

CASES = [
    *(Case("PING", 0, connections, depth) for connections, depth in [(1, 1), (32, 1), (16, 64)]),
    *(
        Case(verb, size, connections, depth)
        for size, shapes in _SHAPES.items()
        for connections, depth in shapes
        for verb in ("READ", "WRITE")
    ),
]


@dataclass(frozen=True, slots=True)
class Bar:
    """What a ratio to Redis has to reach; `lower` where less is better."""

    case: str
    least: float
    lower: bool = False


BARS = [
    Bar("READ 1 KiB, 16 × 64", 0.85),
    Bar("WRITE 1 KiB, 16 × 64", 0.85),
    Bar("READ 1 KiB, 32 × 1", 0.8),
    Bar("WRITE 1 KiB, 32 × 1", 0.8),
    Bar("READ 1 MiB, 4 × 1", 1.2),
    Bar("WRITE 1 MiB, 4 × 1", 1.0),
    Bar("bytes per 64-byte block", 1.1, lower=True),
]
