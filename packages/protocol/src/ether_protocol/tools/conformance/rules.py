"""What a rule is: a name, a section of docs/protocol.md, a sentence, and how to try it.

Rule: the sentence is the docstring of the function that tries it, so that
what is printed and what is checked stand in one place.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from .trial import Trial

Try = Callable[[Trial], None]
"""Returns where the rule holds; raises Broken or Skipped where not."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One promise of docs/protocol.md."""

    name: str
    section: str
    sentence: str
    attempt: Try

    def matches(self, patterns: Iterable[str]) -> bool:
        """Whether one of `patterns` is meant: a part of the name, or a shell pattern of it."""
        return any(
            pattern in self.name or fnmatch.fnmatchcase(self.name, pattern) for pattern in patterns
        )


@dataclass(frozen=True, slots=True)
class Theme:
    """Rules that belong together, in the order in which they are tried."""

    name: str
    rules: list[Rule] = field(default_factory=list)

    def rule(self, section: str) -> Callable[[Try], Try]:
        """Declare the decorated function as a rule of `section` of docs/protocol.md."""

        def declare(attempt: Try) -> Try:
            name = f"{self.name}/{attempt.__name__.replace('_', '-')}"
            sentence = (attempt.__doc__ or "").strip().splitlines()[0].removesuffix(".")
            self.rules.append(Rule(name, section, sentence, attempt))
            return attempt

        return declare
