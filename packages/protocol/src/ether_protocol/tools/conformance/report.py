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
    """A rule's row: verdict, section, sentence; if it is broken, what was expected and seen."""
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


def header() -> str:
    """The first line of the table."""
    return f"{'verdict':<8} {'section of docs/protocol.md':<{_SECTION_COLUMNS}} rule"


def summary(findings: Sequence[Finding]) -> str:
    """The last line: how many rules, and how many of each verdict."""
    counts = {
        verdict: sum(finding.verdict is verdict for finding in findings) for verdict in Verdict
    }
    counted = ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items())
    seconds = sum(finding.seconds for finding in findings)
    return f"{len(findings)} rules in {seconds:.1f} s: {counted}"


def listing(rules: Iterable[Rule]) -> str:
    """The rules, a line each: name, section, sentence."""
    return "\n".join(
        f"{rule.name:<{_NAME_COLUMNS}} {_fitted(rule.section, _SECTION_COLUMNS)} {rule.sentence}"
        for rule in rules
    )


def json_line(finding: Finding) -> str:
    """A finding as a JSON object; `expected` and `seen`, or `reason`, only if it is not held."""
    row = {
        "rule": finding.name,
        "section": finding.section,
        "sentence": finding.sentence,
        "verdict": finding.verdict.value,
        "seconds": round(finding.seconds, 3),
    }
    if finding.verdict is Verdict.BROKEN:
        row |= {"expected": finding.expected, "seen": finding.seen}
    elif finding.verdict is Verdict.SKIPPED:
        row["reason"] = finding.seen
    return json.dumps(row, ensure_ascii=False)


def _fitted(text: str, columns: int) -> str:
    return f"{text if len(text) <= columns else text[: columns - 1] + '…':<{columns}}"
