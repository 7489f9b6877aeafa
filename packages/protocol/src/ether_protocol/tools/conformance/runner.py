"""Tries rules one after the other, each with connections of its own.

Rule: a rule can't end the run.  Whatever the server does to one, the next
begins anew.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ether_protocol.address import Address
from ether_protocol.errors import EtherError

from .rules import Rule
from .trial import Trial
from .verdicts import Broken, Finding, Skipped, Verdict


@dataclass
class Run:
    """One run against one server; `left_behind` counts blocks that could not be freed."""

    address: Address
    timeout: float
    findings: list[Finding] = field(default_factory=list)
    left_behind: int = 0

    def each(self, rules: Iterable[Rule]) -> Iterator[Finding]:
        """Try `rules` and give out each finding as it is made."""
        for rule in rules:
            finding = self._try(rule)
            self.findings.append(finding)
            yield finding

    def count(self, verdict: Verdict) -> int:
        """How many rules ended so."""
        return sum(finding.verdict is verdict for finding in self.findings)

    def _try(self, rule: Rule) -> Finding:
        trial = Trial(self.address, self.timeout)
        began = time.monotonic()
        try:
            verdict, expected, seen = self._attempt(rule, trial)
        finally:
            self.left_behind += trial.clean()
        seconds = time.monotonic() - began
        return Finding(rule.name, rule.section, rule.sentence, verdict, expected, seen, seconds)

    def _attempt(self, rule: Rule, trial: Trial) -> tuple[Verdict, str, str]:
        try:
            rule.attempt(trial)
        except Broken as broken:
            return Verdict.BROKEN, broken.expected, broken.seen
        except Skipped as skipped:
            return Verdict.SKIPPED, "", str(skipped)
        except (EtherError, OSError) as error:
            return Verdict.BROKEN, "a server that can be spoken to", str(error)
        return Verdict.HELD, "", ""
