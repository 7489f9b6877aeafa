from __future__ import annotations

import json

from paired import FigurePair, PairedCase
from paired_report import paired_json, paired_markdown, verdict_words

SLOWER = PairedCase("Requests", "READ 1 KiB", "/s", pairs=[FigurePair(1000, 900)] * 15)
EQUAL = PairedCase("Requests", "PING", "/s", pairs=[FigurePair(50, 50.0)] * 15)
SMALLER = PairedCase("Size", "a block", "B", False, 0.02, [FigurePair(80, 64)] * 6)
UNKNOWN = PairedCase("Size", "to connect", "s", False, pairs=[])


def after_suspicion(case: PairedCase, ratio: float) -> PairedCase:
    again = case.repeated()
    again.pairs += [FigurePair(1000, 1000 * ratio)] * 15
    return again


def test_the_table_has_a_line_for_each_case() -> None:
    table = paired_markdown([SLOWER, EQUAL, SMALLER, UNKNOWN], {"old": "abc", "new": "def"})
    assert table.splitlines() == [
        "old abc, new def",
        "",
        "### Requests",
        "",
        "| case | old | new | new / old | 95 % interval | pairs | verdict |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| READ 1 KiB | 1,000 /s | 900 /s | 0.900 | 0.900–0.900 | 15 | slower |",
        "| PING | 50 /s | 50 /s | 1.000 | 1.000–1.000 | 15 | no difference |",
        "",
        "### Size",
        "",
        "| case | old | new | new / old | 95 % interval | pairs | verdict |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| a block | 80 B | 64 B | 0.800 | 0.800–0.800 | 6 | smaller |",
        "| to connect | – | – | – | – | 0 | too few pairs |",
        "",
        "cases: 4; 1 worse, 1 better, 1 no difference, 1 too few pairs",
    ]


def test_a_case_that_was_measured_twice_says_so() -> None:
    assert verdict_words(after_suspicion(SLOWER, 0.9)) == "**slower**, twice"
    assert verdict_words(after_suspicion(SLOWER, 1.0)) == "no difference, slower before"
    assert verdict_words(after_suspicion(SMALLER, 1.1)) == "**larger**, twice"


def test_the_json_has_all_figures() -> None:
    again = after_suspicion(SLOWER, 0.5)
    found = json.loads(json.dumps(paired_json([again, UNKNOWN], {"old": "abc"})))
    assert found["about"] == {"old": "abc"}
    assert found["cases"][0] == {
        "group": "Requests",
        "case": "READ 1 KiB",
        "unit": "/s",
        "more_is_better": True,
        "tolerance": 0.0,
        "pairs": [{"old": 1000, "new": 500.0}] * 15,
        "suspected": [{"old": 1000, "new": 900}] * 15,
        "ratio": 0.5,
        "interval": {"low": 0.5, "high": 0.5},
        "verdict": "worse",
    }
    assert (found["cases"][1]["ratio"], found["cases"][1]["interval"]) == (None, None)
