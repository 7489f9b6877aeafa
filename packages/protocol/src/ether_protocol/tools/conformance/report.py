"""Findings as text for a person and as JSON for a program.

Rule: pure; findings in, lines out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from .rules import Rule
from .verdicts import Finding, Verdict

_SECTION_COLUMNS = 30
_NAME_COLUMNS = 44


def row(finding: Finding, verbose: bool = False) -> str:
    """One rule's row: verdict, section and sentence, and below it what was otherwise."""
    section = _fitted(finding.section, _SECTION_COLUMNS)
    lines = [f"{finding.verdict.value:<8} {section} {finding.sentence}"]
    if verbose:
        lines.append(f"{'':8} {finding.name}, {finding.seconds * 1000:.0f} ms")
    if finding.verdict is Verdict.BROKEN:
        lines.append(f"{'':8} expected {finding.expected}")
        lines.append(f"{'':8} saw {finding.seen}   ({finding.name})")
    elif finding.verdict is Verdict.SKIPPED:
        lines.append(f"{'':8} {finding.seen}")
    return "\n".join(lines)


def head() -> str:
    """The table's first line."""
    return f"{'verdict':<8} {'section of docs/protocol.md':<{_SECTION_COLUMNS}} rule"


def summary(findings: Sequence[Finding]) -> str:
    """The table's last line."""
    counts = {
        verdict: sum(finding.verdict is verdict for finding in findings) for verdict in Verdict
    }
    told = ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items())
    seconds = sum(finding.seconds for finding in findings)
    return f"{len(findings)} rules in {seconds:.1f} s: {told}"


def listing(rules: Iterable[Rule]) -> str:
    """The rules there are: name, section, sentence."""
    return "\n".join(
        f"{rule.name:<{_NAME_COLUMNS}} {_fitted(rule.section, _SECTION_COLUMNS)} {rule.sentence}"
        for rule in rules
    )


def json_line(finding: Finding) -> str:
    """One rule as a JSON object; `expected` and `seen` only where there is something to say."""
    told = {
        "rule": finding.name,
        "section": finding.section,
        "sentence": finding.sentence,
        "verdict": finding.verdict.value,
        "seconds": round(finding.seconds, 3),
    }
    if finding.verdict is Verdict.BROKEN:
        told |= {"expected": finding.expected, "seen": finding.seen}
    elif finding.verdict is Verdict.SKIPPED:
        told["reason"] = finding.seen
    return json.dumps(told, ensure_ascii=False)


def _fitted(text: str, columns: int) -> str:
    return f"{text if len(text) <= columns else text[: columns - 1] + '…':<{columns}}"
