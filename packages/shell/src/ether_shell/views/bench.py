"""How latencies look: percentiles, and a histogram.

Rule: pure.
"""

from __future__ import annotations

from typing import Any, Final

from ether_protocol import format_size
from ether_shell.commands.bench import Measured
from ether_shell.drawing.measures import bar, duration

from .renderer import Renderer, Renderers, Rendering, View

_PERCENTS: Final = {"p50": 50, "p90": 90, "p99": 99, "p99.9": 99.9}
_BAR_COLUMNS: Final = 40


def _measured(result: Measured, view: View) -> Rendering:
    latencies = result.latencies
    stopped = "" if result.whole else ", stopped"
    if stopped and view.terminal:
        yield ""  # the terminal has written ^C into the current line
    yield view.paint(
        "heading",
        f"{result.verb} {format_size(result.size)}: {latencies.count:,} requests"
        f" in {result.seconds:.2f} s, {_rate(result):,.0f} a second{stopped}",
    )
    if not latencies.count:
        return
    figures = [f"{name} {duration(latencies.percentile(p))}" for name, p in _PERCENTS.items()]
    yield "  " + "  ".join([*figures, f"max {duration(latencies.longest_ns)}"])
    rows = latencies.histogram()
    most = max(count for _, count in rows)
    for bound, count in rows:
        length = bar(count / most, min(_BAR_COLUMNS, max(8, view.columns - 40)))
        share = f"{count / latencies.count:7.2%}  {count:,}" if count else ""
        yield f"  ≤ {duration(bound):>7}  {view.paint('name', length)} {share}".rstrip()


def _rate(result: Measured) -> float:
    return result.latencies.count / result.seconds if result.seconds else 0.0


def _measured_json(result: Measured) -> dict[str, Any]:
    latencies = result.latencies
    values: dict[str, Any] = {
        "verb": result.verb,
        "size": result.size,
        "requests": latencies.count,
        "seconds": round(result.seconds, 6),
        "per_second": round(_rate(result), 1),
    }
    for name, percent in _PERCENTS.items():
        values[f"{name}_us"] = latencies.percentile(percent) / 1000
    values["max_us"] = latencies.longest_ns / 1000
    values["histogram"] = [
        {"within_us": bound // 1000, "requests": count} for bound, count in latencies.histogram()
    ]
    values["whole"] = result.whole
    return values


RENDERERS: Final[Renderers] = {Measured: Renderer(_measured, _measured_json)}
