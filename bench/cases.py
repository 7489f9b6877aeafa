"""The cases of the benchmark: verb, size, connections, and requests in flight on each.

Rule: a table. Adding a case is adding a line; other modules measure it.
"""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


_VERSION_NAMES = {1: ", version 1", 2: ""}


@dataclass(frozen=True, slots=True)
class Case:
    """`depth` requests of `size` bytes in flight on each of `connections`."""

    verb: str
    size: int
    connections: int
    depth: int
    version: int = 2

    @property
    def name(self) -> str:
        """`READ 1 KiB, 32 x 1`, or without a size where there is none."""
        what = f"{self.verb} {size_name(self.size)}" if self.size else self.verb
        return f"{what}, {self.connections:,} × {self.depth}" + _VERSION_NAMES[self.version]


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

VERSION_1_CASES = [
    Case(verb, size, connections, depth, version=1)
    for size, connections, depth in [
        (KIB, 1, 1),
        (KIB, 32, 1),
        (KIB, 16, 64),
        (MIB, 4, 1),
    ]
    for verb in ("READ", "WRITE")
]
"""Measured where two commits are compared; the other servers know no version 1."""


@dataclass(frozen=True, slots=True)
class Bar:
    """The limit that a figure must reach: `limit` is its ratio to a peer's.

    With `lower` less is better. With `value` the limit is the figure itself, in
    the row's unit.
    """

    case: str
    limit: float
    lower: bool = False
    peer: str = "redis"
    value: bool = False

    def __str__(self) -> str:
        """As a table shows it: `≥ 0.85`, `≤ 0.25`."""
        return f"{'≤' if self.lower else '≥'} {self.limit:g}"


BARS = [
    Bar("READ 1 KiB, 16 × 64", 0.85),
    Bar("WRITE 1 KiB, 16 × 64", 0.85),
    Bar("READ 1 KiB, 32 × 1", 0.8),
    Bar("WRITE 1 KiB, 32 × 1", 0.8),
    Bar("READ 1 MiB, 4 × 1", 1.2),
    Bar("WRITE 1 MiB, 4 × 1", 1.0),
    Bar("client READ 1 KiB", 3),
    Bar("client WRITE 1 KiB", 6),
    Bar("client READ 1 MiB", 1.5),
    Bar("client WRITE 1 MiB", 3),
    Bar("bytes per 64-byte block", 1.1, lower=True),
    Bar("READ 64 B of one block among 1,000,000", 0.95, peer="one"),
    Bar("bytes per idle connection", 64 * MIB // 10_000, lower=True, value=True),
    Bar("exec to first PONG", 0.25, lower=True, value=True),
    Bar("exec to the shell's prompt", 0.4, lower=True, value=True),
]
