"""What `etherd` prints for a person: the banner and the final statistics.

Rule: numbers in, text out; the lines are those of the original server.
"""

from __future__ import annotations

from ether_daemon import __version__
from ether_daemon.service.quota import Quota

_LINE = "=" * 43

_STOP_BY_KEY = "Press Ctrl+C to stop"
SHUTTING_DOWN = "\n[etherd] Received signal, shutting down..."
GOODBYE = "\n[etherd] Goodbye!"


def listening(addresses: list[str], max_handles: int) -> str:
    """The lines that say where the server listens, and how to stop it."""
    listening = "\n".join(f"Listening on {address}" for address in addresses)
    return "\n".join(
        [
            _LINE,
            f"  Ether Daemon v{__version__}",
            "  Distributed Resource Allocation System",
            _LINE,
            listening,
            f"Max handles: {max_handles or 'unlimited'}",
            _STOP_BY_KEY,
        ]
    )


def in_background(text: str, process: int) -> str:
    """The banner of a daemon in the background, which no key stops."""
    return text.replace(_STOP_BY_KEY, f"Stop it with: kill {process}")


def final_statistics(quota: Quota) -> str:
    """What was allocated and freed in the server's life."""
    return "\n".join(
        [
            "\n[etherd] Final statistics:",
            "=== Ether Allocator State ===",
            f"Total allocated: {quota.allocated_bytes} bytes",
            f"Total freed:     {quota.freed_bytes} bytes",
            f"Current usage:   {quota.used_bytes} bytes",
            f"Peak usage:      {quota.peak_bytes} bytes",
            f"Allocations:     {quota.allocations}",
            f"Frees:           {quota.frees}",
            "=============================",
        ]
    )
