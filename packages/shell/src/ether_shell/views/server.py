"""How the server's answers look: ping, hello, stats.

Rule: pure.
"""

from __future__ import annotations

from typing import Any, Final

from ether_protocol import format_size
from ether_shell.commands.server import Counters, Pong, ServerIdentity
from ether_shell.drawing.layout import pairs
from ether_shell.drawing.measures import size_of

from .renderer import Renderer, Renderers, Rendering, View


def _pong(result: Pong, _: View) -> Rendering:
    yield f"pong, {result.ms:.2f} ms"


def _pong_json(result: Pong) -> dict[str, Any]:
    return {"ms": round(result.ms, 3)}


def _greeting(result: ServerIdentity, _: View) -> Rendering:
    rows = {
        "server": f"{result.server} {result.version}",
        "largest payload": size_of(result.max_payload_bytes),
        "memory limit": size_of(result.max_memory_bytes) if result.max_memory_bytes else "none",
        "handle limit": f"{result.max_handles:,}" if result.max_handles else "none",
        "authentication": "needed" if result.auth_needed else "not needed",
    }
    if result.features:
        rows["features"] = ", ".join(result.features)
    yield from pairs(rows)


def _counters(result: Counters, _: View) -> Rendering:
    yield from pairs({name: _counter(name, value) for name, value in result.stats.items()})


def _counter(name: str, value: int) -> str:
    human = f"  {format_size(value)}" if name.endswith("_bytes") and value >= 1024 else ""
    return f"{value}{human}"


RENDERERS: Final[Renderers] = {
    Pong: Renderer(_pong, _pong_json),
    ServerIdentity: Renderer(_greeting),
    Counters: Renderer(_counters),
}
