"""How the server's own answers look: ping, hello, stats.

Rule: pure.
"""

from __future__ import annotations

from typing import Any, Final

from ether_protocol import format_size
from ether_shell.commands.server import Counters, Greeting, Pong

from .layout import pairs
from .look import Look, Looks, Output, View
from .measures import size_of


def _pong(result: Pong, _: View) -> Output:
    yield f"pong, {result.ms:.2f} ms"


def _pong_json(result: Pong) -> dict[str, Any]:
    return {"ms": round(result.ms, 3)}


def _greeting(result: Greeting, _: View) -> Output:
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


def _counters(result: Counters, _: View) -> Output:
    yield from pairs({name: _counter(name, value) for name, value in result.stats.items()})


def _counter(name: str, value: int) -> str:
    human = f"  {format_size(value)}" if name.endswith("_bytes") and value >= 1024 else ""
    return f"{value}{human}"


LOOKS: Final[Looks] = {
    Pong: Look(_pong, _pong_json),
    Greeting: Look(_greeting),
    Counters: Look(_counters),
}
