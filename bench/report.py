"""From figures to a table, a JSON file and a picture.

Rule: values in, text out. Ratios are taken round by round, so that a slow
moment of the machine hits both servers, and their median is shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any
from xml.sax.saxutils import escape

from cases import BARS, Bar

OURS = "etherd"
ALSO = "also"
"""The same daemon under another Python."""
PEERS = ("redis", "memcached", "limit", "one")


@dataclass(slots=True)
class BenchmarkRow:
    """One case: a value for each server and round, in `unit`."""

    group: str
    case: str
    unit: str
    more_is_better: bool = True
    rounds: list[dict[str, float]] = field(default_factory=list)

    def ratios(self, peer: str, ours: str = OURS) -> list[float]:
        """The figure of `ours` divided by that of `peer`, round by round, sorted."""
        return sorted(r[ours] / r[peer] for r in self.rounds if ours in r and r.get(peer, 0.0) > 0)

    def ours(self) -> float:
        """The median of etherd's values."""
        return median([r[OURS] for r in self.rounds if OURS in r] or [0.0])


def bar_for(row: BenchmarkRow) -> Bar | None:
    """The bar of this row, if it has one."""
    return next((bar for bar in BARS if bar.case == row.case), None)


def reached(row: BenchmarkRow) -> bool | None:
    """Whether the row reaches its bar; None where it has none or was not measured."""
    bar = bar_for(row)
    if bar is None:
        return None
    figures = [row.ours()] if bar.value else row.ratios(bar.peer)
    if not figures:
        return None
    figure = median(figures)
    return figure <= bar.limit if bar.lower else figure >= bar.limit


def markdown(rows: list[BenchmarkRow], about: dict[str, str]) -> str:
    """The whole table, group by group."""
    lines = [", ".join(f"{name} {value}" for name, value in about.items()), ""]
    for group in dict.fromkeys(row.group for row in rows):
        members = [row for row in rows if row.group == group]
        peers = [p for p in PEERS if any(row.ratios(p) for row in members)]
        lines += [f"### {group}", ""]
        also = any(row.ratios("redis", ALSO) for row in members)
        columns = [f"to {peer}" for peer in peers] + ["also, to redis"] * also
        lines.append("| " + " | ".join(["case", "etherd", *columns, "bar"]) + " |")
        lines.append("| --- | --- | " + "--- | " * len(columns) + "--- |")
        lines += [_line(row, peers, also) for row in members]
        lines.append("")
    return "\n".join(lines)


def _line(row: BenchmarkRow, peers: list[str], also: bool) -> str:
    cells = [row.case, f"{_number(row.ours())} {row.unit}"]
    cells += [_ratio(row.ratios(peer)) for peer in peers]
    if also:
        cells.append(_ratio(row.ratios("redis", ALSO)))
    bar = bar_for(row)
    verdict = {True: ", reached", False: ", **not reached**", None: ""}[reached(row)]
    cells.append(f"{bar}{verdict}" if bar else "")
    return "| " + " | ".join(cells) + " |"


def _ratio(ratios: list[float]) -> str:
    if not ratios:
        return "–"
    return f"{median(ratios):.2f} ({ratios[0]:.2f}–{ratios[-1]:.2f})"


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def as_json(rows: list[BenchmarkRow], about: dict[str, str]) -> dict[str, Any]:
    """Everything that was measured, for other programs."""
    return {
        "about": about,
        "rows": [
            {
                "group": row.group,
                "case": row.case,
                "unit": row.unit,
                "more_is_better": row.more_is_better,
                "rounds": row.rounds,
                "ratios": {p: median(row.ratios(p)) for p in PEERS if row.ratios(p)},
            }
            for row in rows
        ],
    }


_ROW_PX, _LEFT_PX, _WIDTH_PX, _TOP_PX = 22, 250, 560, 64
_MOST = 3.0
_COLOURS = {"redis": "#c0392b", "memcached": "#2e86c1"}


def svg(rows: list[BenchmarkRow]) -> str:
    """A bar a case: etherd's speed as a multiple of each peer's, 1.0 marked."""
    shown = [r for r in rows if r.more_is_better and any(r.ratios(p) for p in _COLOURS)]
    height = _TOP_PX + _ROW_PX * len(shown) + 20
    scale = (_WIDTH_PX - 40) / _MOST
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT_PX + _WIDTH_PX}" '
        f'height="{height}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{_LEFT_PX}" y="20" font-size="14">etherd’s requests a second, '
        "as a multiple of each peer’s</text>",
    ]
    for number, (peer, colour) in enumerate(_COLOURS.items()):
        x = _LEFT_PX + number * 130
        parts.append(f'<rect x="{x}" y="32" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{x + 15}" y="41">to {peer}</text>')
    for multiple in (0.5, 1.0, 1.5, 2.0, 2.5):
        at = _LEFT_PX + multiple * scale
        stroke = "#333" if multiple == 1.0 else "#ddd"
        parts.append(
            f'<line x1="{at}" y1="{_TOP_PX - 8}" x2="{at}" y2="{height - 16}" stroke="{stroke}"/>'
            f'<text x="{at - 8}" y="{height - 4}" fill="#555">{multiple}</text>'
        )
    for number, row in enumerate(shown):
        y = _TOP_PX + number * _ROW_PX
        parts.append(f'<text x="{_LEFT_PX - 8}" y="{y + 12}" text-anchor="end">')
        parts.append(f"{escape(row.case)}</text>")
        for place, (peer, colour) in enumerate(_COLOURS.items()):
            ratios = row.ratios(peer)
            if ratios:
                length = min(median(ratios), _MOST) * scale
                parts.append(
                    f'<rect x="{_LEFT_PX}" y="{y + place * 8}" width="{length:.1f}" height="7" '
                    f'fill="{colour}"><title>{median(ratios):.2f}</title></rect>'
                )
    return "\n".join([*parts, "</svg>", ""])
