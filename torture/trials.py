"""What a harness hands back: goals, what was measured against them, and whether they are met.

Rule: plain values.  A harness measures and judges; `session.py` alone writes.
"""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Trial:
    """One goal and how near it the daemon came."""

    goal: str
    measured: str
    met: bool
    timed: bool = False
    """Whether a busy machine alone can miss it: tests do not assert such a goal."""


class CannotRunHere(Exception):
    """What the harness needs is missing on this machine; its text says what, and how to get it."""


def in_mib(size: float) -> str:
    """Bytes as a person reads them."""
    return f"{size / MIB:,.1f} MiB"


def in_ms(seconds: float) -> str:
    """Seconds as a person reads them."""
    return f"{seconds * 1000:.2f} ms"
