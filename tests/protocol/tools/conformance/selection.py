"""Which rules a test checks, and which of them did not hold.

Rule: rules are chosen by their names alone.
"""

from __future__ import annotations

from ether_protocol.tools.conformance.rules import Rule
from ether_protocol.tools.conformance.themes import THEMES
from ether_protocol.tools.conformance.verdicts import Finding, Verdict

EVERY_RULE = [rule for theme in THEMES for rule in theme.rules]
TOKEN_RULES = [rule for rule in EVERY_RULE if rule.name.startswith("auth/")]
"""The rules for servers that want a token; the others skip them."""
RULES = [rule for rule in EVERY_RULE if rule not in TOKEN_RULES]
TIMEOUT_SECONDS = 5.0
_SLOW = ("flood", "4096", "sixteen-mebibytes", "gone-within")


def quick() -> list[Rule]:
    """All rules that take no time worth mentioning."""
    return [rule for rule in RULES if not any(word in rule.name for word in _SLOW)]


def only(*names: str) -> list[Rule]:
    """The rules with these names."""
    return [rule for rule in EVERY_RULE if rule.name in names]


def not_held(findings: list[Finding]) -> list[str]:
    """The names of the rules that are broken or skipped."""
    return [finding.name for finding in findings if finding.verdict is not Verdict.HELD]
