"""What a rule is: a name, a section of docs/protocol.md, a sentence, and a function.

Rule: the sentence is the docstring of the function that checks it, so that
what is printed and what is checked stand in one place.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from .fixture import Fixture

CheckFunction = Callable[[Fixture], None]
"""Returns if the rule holds, else raises RuleBroken or RuleSkipped."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One promise of docs/protocol.md."""

    name: str
    section: str
    sentence: str
    check: CheckFunction

    def matches(self, patterns: Iterable[str]) -> bool:
        """Whether one of `patterns` is a part of the name, or matches it as a shell pattern."""
        return any(
            pattern in self.name or fnmatch.fnmatchcase(self.name, pattern) for pattern in patterns
        )


@dataclass(frozen=True, slots=True)
class Theme:
    """Rules about one subject, in the order in which they are checked."""

    name: str
    rules: list[Rule] = field(default_factory=list)

    def rule(self, section: str) -> Callable[[CheckFunction], CheckFunction]:
        """Declare the decorated function as a rule of `section` of docs/protocol.md."""

        def declare(check: CheckFunction) -> CheckFunction:
            name = f"{self.name}/{check.__name__.replace('_', '-')}"
            sentence = (check.__doc__ or "").strip().splitlines()[0].removesuffix(".")
            self.rules.append(Rule(name, section, sentence, check))
            return check

        return declare
