"""How the check of one rule ends.

Rule: plain data and the two exceptions that a rule may end with; what is
printed of them is `report`'s work.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Broken(Exception):
    """The server did not do what the rule says: what was expected, and what was seen."""

    def __init__(self, expected: str, seen: str) -> None:
        super().__init__(f"expected {expected}, saw {seen}")
        self.expected = expected
        self.seen = seen


class NoConnection(Broken):
    """The server takes no connection, and why."""

    def __init__(self, reason: str) -> None:
        super().__init__("a connection", reason)


class Skipped(Exception):
    """The rule could not be put to the test on this server, and why."""


class Verdict(Enum):
    """What became of a rule."""

    HELD = "held"
    BROKEN = "broken"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule's verdict; `expected` and `seen` are empty where it held."""

    name: str
    section: str
    sentence: str
    verdict: Verdict
    expected: str = ""
    seen: str = ""
    seconds: float = 0.0
