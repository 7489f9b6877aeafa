"""The comparison of two commits as a table and as JSON.

Rule: values in, text out.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from paired import PairedCase, PairedVerdict

_WORDS = {
    "/s": ("slower", "faster"),
    "s": ("slower", "faster"),
    "µs": ("slower", "faster"),
    "B": ("larger", "smaller"),
}
"""By unit, what worse and better mean."""


def verdict_words(case: PairedCase) -> str:
    """`slower`, `smaller`, `no difference`; with a note where the case was measured twice."""
    worse, better = _WORDS[case.unit]
    words = {PairedVerdict.WORSE: worse, PairedVerdict.BETTER: better}
    word = words.get(case.verdict, str(case.verdict))
    if case.suspected and case.verdict is PairedVerdict.WORSE:
        return f"**{word}**, twice"
    return f"{word}, {worse} before" if case.suspected else word


def paired_markdown(cases: Sequence[PairedCase], about: dict[str, str]) -> str:
    """The whole table, group by group, and one line that sums it up."""
    lines = [", ".join(f"{name} {value}" for name, value in about.items()), ""]
    for group in dict.fromkeys(case.group for case in cases):
        lines += [f"### {group}", ""]
        lines.append("| case | old | new | new / old | 95 % interval | pairs | verdict |")
        lines.append("| --- | --- | --- | --- | --- | --- | --- |")
        lines += [_line(case) for case in cases if case.group == group]
        lines.append("")
    return "\n".join([*lines, _summary(cases)])


def _line(case: PairedCase) -> str:
    interval = case.interval
    cells = [
        case.case,
        _middle([pair.old for pair in case.pairs], case.unit),
        _middle([pair.new for pair in case.pairs], case.unit),
        "–" if case.ratio is None else f"{case.ratio:.3f}",
        "–" if interval is None else f"{interval.low:.3f}–{interval.high:.3f}",
        str(len(case.ratios)),
        verdict_words(case),
    ]
    return "| " + " | ".join(cells) + " |"


def _middle(figures: Sequence[float], unit: str) -> str:
    if not figures:
        return "–"
    middle = median(figures)
    return f"{middle:,.0f} {unit}" if middle >= 100 else f"{middle:.3g} {unit}"


def _summary(cases: Sequence[PairedCase]) -> str:
    counts = dict.fromkeys(PairedVerdict, 0)
    for case in cases:
        counts[case.verdict] += 1
    said = [f"{count} {verdict}" for verdict, count in counts.items() if count]
    return f"cases: {len(cases)}; " + ", ".join(said)


def paired_json(cases: Sequence[PairedCase], about: dict[str, str]) -> dict[str, Any]:
    """Everything that was measured, for other programs."""
    return {
        "about": about,
        "cases": [
            {
                "group": case.group,
                "case": case.case,
                "unit": case.unit,
                "more_is_better": case.more_is_better,
                "tolerance": case.tolerance,
                "pairs": [pair._asdict() for pair in case.pairs],
                "suspected": [pair._asdict() for pair in case.suspected],
                "ratio": case.ratio,
                "interval": case.interval and case.interval._asdict(),
                "verdict": case.verdict,
            }
            for case in cases
        ],
    }
