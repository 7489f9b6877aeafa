"""docs/torture.md, out of the results of all harnesses.

Rule: text out of plain values; nothing is measured or judged here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_HEAD = (
    "# Torture",
    "",
    "What hostile, broken and greedy clients do to `etherd`, measured. `nox -s torture` runs the "
    "harnesses in `torture/` and writes this page. `nox -s torture -- --only histories stalls` "
    "runs some of them and renews their rows alone; `--share 0.1` runs with a tenth of the "
    "counts. A quick form of each runs with the tests (`tests/torture`).",
    "",
    "Every harness is also run against a daemon with a planted flaw (`torture/flaws.py`), which "
    "it has to find: a harness that cannot fail shows nothing. *Others* are clients that send a "
    "PING every 5 ms. An idle daemon is pinged in the same moments, because other programs on "
    "the machine disturb both alike. PINGs that would have been due while one was held up are "
    "counted with the time that they would have waited.",
    "",
    "| goal | measured | met | planted flaw | date, commit | machine | command |",
    "| --- | --- | --- | --- | --- | --- | --- |",
)


def page(results: Mapping[str, Mapping[str, Any]], flaws: Mapping[str, str]) -> str:
    """The page; `flaws` names what each harness, in this order, has to find."""
    lines = [*_HEAD]
    for name, flaw in flaws.items():
        result = results.get(name)
        if result is None:
            lines.append(_row(f"*{name}*", "not run yet", "–", flaw, "–", "–", "–"))
        else:
            lines += _rows(name, result)
    return "\n".join(lines) + "\n"


def _rows(name: str, result: Mapping[str, Any]) -> list[str]:
    how = f"{result['date']}, {result['commit']}", result["machine"], f"`{result['command']}`"
    if "not_run" in result:
        return [_row(f"*{name}*", f"not run: {result['not_run']}", "–", result["flaw"], *how)]
    flaw = f"{result['flaw']}: {'found' if result['found'] else '**not found**'}"
    return [
        _row(
            trial["goal"],
            trial["measured"],
            "yes" if trial["met"] else "**no**",
            "as above" if number else flaw,
            *how,
        )
        for number, trial in enumerate(result["trials"])
    ]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
