"""The toolbar's one line: which server, how many blocks, how quick.

Rule: pure, from what the session already knows; drawing it costs no I/O.
"""

from __future__ import annotations

from ether_protocol import format_size
from ether_shell.session import Session
from ether_shell.views.measures import blocks


def status_line(session: Session) -> str:
    """The line for the state that `session` is in."""
    if not session.connected:
        return f"disconnected from {session.address}: the next command connects again"
    words = []
    if session.hello is not None:
        words.append(f"{session.hello.name} {session.hello.version}".strip())
    held = blocks(session.blocks.count)
    total = session.blocks.total_bytes
    words.append(held if total is None else f"{held}, {format_size(total)}")
    if session.round_trip_ms is not None:
        words.append(f"{session.round_trip_ms:.2f} ms")
    return " · ".join(words)


def prompt_text(session: Session) -> str:
    """What stands before the cursor."""
    state = "" if session.connected else " (disconnected)"
    return f"{session.address}{state}> "
