"""How a sample of the server looks: memory, clients, requests per second, the largest blocks.

Rule: pure; it fills the window's lines, and no information is in colours alone.
"""

from __future__ import annotations

from typing import Any, Final

from ether_protocol import format_size
from ether_shell.commands.top import Overview
from ether_shell.drawing.measures import bar, blocks, span, sparkline

from .renderer import Renderer, Renderers, Rendering, View

_FIXED_LINES: Final = 9
_LABEL_COLUMNS: Final = 10
_FIGURE_COLUMNS: Final = 14
_LEAST_ROWS: Final = 3


def _overview(result: Overview, view: View) -> Rendering:
    stats = result.stats
    clients = stats.get("clients", 0)
    facts = [
        f"{result.server} at {result.address}".strip(),
        f"up {span(stats.get('uptime_seconds', 0))}",
        f"{clients:,} client{'' if clients == 1 else 's'}",
    ]
    yield view.paint("heading", "  ".join(facts)[: view.columns])
    problem = f"! {result.problem}; trying again" if result.problem else ""
    yield view.paint("error", problem[: view.columns]) if problem else ""
    yield from _memory(result, view)
    yield ""
    room = max(2 * _LEAST_ROWS, view.lines - _FIXED_LINES)
    rates = list(result.rates.items())[: max(_LEAST_ROWS, room // 2)]
    yield view.paint("heading", f"requests a second  {sum(result.rates.values()):,.0f}")
    most = max(result.rates.values(), default=0.0)
    for name, rate in rates:
        yield _row(name, f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}", rate / most, view)
    yield ""
    yield view.paint("heading", f"largest of {blocks(result.blocks)}")
    largest = result.largest[: room - len(rates)]
    for handle, size in largest:
        yield _row(f"{handle}", format_size(size), size / largest[0][1], view)


def _memory(result: Overview, view: View) -> Rendering:
    used, limit = result.stats.get("used_bytes", 0), result.stats.get("limit_bytes", 0)
    peak = format_size(result.stats.get("peak_bytes", 0))
    of = f" of {format_size(limit)}, {used / limit:.1%}" if limit else ""
    yield view.paint("heading", f"memory  {format_size(used)}{of}, peak {peak}")
    columns = max(1, view.columns - _LABEL_COLUMNS - 2)
    yield f"  {'':<{_LABEL_COLUMNS - 2}}{view.paint('name', sparkline(result.used[-columns:]))}"


def _row(label: str, figure: str, share: float, view: View) -> str:
    columns = max(4, view.columns - _LABEL_COLUMNS - _FIGURE_COLUMNS - 3)
    shown = view.paint("name", bar(share, columns))
    return f"  {label:<{_LABEL_COLUMNS}}{figure:>{_FIGURE_COLUMNS - 2}}  {shown}"


def _overview_json(result: Overview) -> dict[str, Any]:
    stats = result.stats
    return {
        "used_bytes": stats.get("used_bytes", 0),
        "limit_bytes": stats.get("limit_bytes", 0),
        "clients": stats.get("clients", 0),
        "blocks": result.blocks,
        "requests_per_second": {name: round(rate, 1) for name, rate in result.rates.items()},
        "largest": [{"handle": handle, "size": size} for handle, size in result.largest],
    }


RENDERERS: Final[Renderers] = {Overview: Renderer(_overview, _overview_json)}
