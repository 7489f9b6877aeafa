from __future__ import annotations

import json

import pytest

from ether_protocol.tools.conformance import report
from ether_protocol.tools.conformance.verdicts import Finding, Verdict

HELD = Finding("ranges/cut", "Ranges", "A READ is cut", Verdict.HELD, seconds=0.0123)
BROKEN = Finding("bad/closes", "Bad input", "It lives", Verdict.BROKEN, "a PONG", "an end", 1.5)
SKIPPED = Finding("limits/large", "Limits", "16 MiB fit", Verdict.SKIPPED, "", "no room", 0.1)


def test_a_row_says_the_verdict_the_section_and_the_rule() -> None:
    assert report.row(HELD) == "held     Ranges                         A READ is cut"


def test_a_broken_rule_says_what_was_expected_and_what_was_seen() -> None:
    assert report.row(BROKEN).splitlines() == [
        "broken   Bad input                      It lives",
        "         expected a PONG",
        "         saw an end   (bad/closes)",
    ]


def test_a_skipped_rule_says_why() -> None:
    assert report.row(SKIPPED).splitlines()[1:] == ["         no room"]


def test_verbose_adds_the_name_and_the_time() -> None:
    assert report.row(HELD, verbose=True).splitlines()[1:] == ["         ranges/cut, 12 ms"]


def test_the_summary_counts() -> None:
    findings = [HELD, HELD, BROKEN, SKIPPED]
    assert report.summary(findings) == "4 rules in 1.6 s: 2 held, 1 broken, 1 skipped"


@pytest.mark.parametrize(
    ("finding", "more"),
    [
        (HELD, {"verdict": "held", "seconds": 0.012}),
        (BROKEN, {"verdict": "broken", "seconds": 1.5, "expected": "a PONG", "seen": "an end"}),
        (SKIPPED, {"verdict": "skipped", "seconds": 0.1, "reason": "no room"}),
    ],
)
def test_a_json_line_has_what_there_is_to_say(finding: Finding, more: dict[str, object]) -> None:
    line = report.json_line(finding)
    assert "\n" not in line
    assert json.loads(line) == {
        "rule": finding.name,
        "section": finding.section,
        "sentence": finding.sentence,
        **more,
    }
