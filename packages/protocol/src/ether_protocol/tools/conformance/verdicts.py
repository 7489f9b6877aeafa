"""How the check of one rule ends.

Rule: plain data, and the exceptions that a rule may raise; `report` formats them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class RuleBroken(Exception):
    """Raised where the server breaks the rule: what was expected, and what was seen."""

    def __init__(self, expected: str, seen: str) -> None:
        super().__init__(f"expected {expected}, saw {seen}")
        self.expected = expected
        self.seen = seen


class NoConnection(RuleBroken):
    """Raised where no connection can be opened, with the reason."""

    def __init__(self, reason: str) -> None:
        super().__init__("a connection", reason)


class RuleSkipped(Exception):
    """Raised where the rule can't be checked on this server, with the reason."""


class Verdict(Enum):
    """The result of checking a rule."""

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
