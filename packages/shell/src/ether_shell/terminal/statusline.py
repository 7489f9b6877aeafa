"""The prompt's text and the toolbar: server, blocks, round trip, length of DATA, keys.

Rule: pure; it shows what the session already knows, so that drawing costs no I/O.
"""

from __future__ import annotations

from ether_protocol import format_size
from ether_shell.drawing.measures import blocks
from ether_shell.session.session import ShellSession

PRODUCTION = "PRODUCTION"
"""Marks a production server; it is red too, but not everybody sees colours."""

INSECURE = "INSECURE"
"""Marks a server whose certificate is not verified."""

Fragments = list[tuple[str, str]]
"""Styles and texts, as prompt_toolkit takes them."""

KEYS = (
    ("Tab", "complete"),
    ("→", "take the grey line from the history"),
    ("↑ ↓", "earlier lines"),
    ("Ctrl-R", "search them"),
    ("Ctrl-C", "clear the line, stop a command"),
    ("Ctrl-D", "leave"),
    ("F1", "these keys"),
    ("F4", "vi keys, and back"),
)


def status_line(session: ShellSession) -> str:
    """The state of `session` in one line."""
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


def toolbar(session: ShellSession, typed: str, *, vi: bool, keys: bool) -> Fragments:
    """The lines at the bottom; `typed` is the length of the literal that is being typed."""
    shown: Fragments = []
    if keys:
        shown += [("", f" {key:<7} {meaning}\n") for key, meaning in KEYS]
    if session.production:
        shown.append(("class:production", f" {PRODUCTION} "))
    if session.insecure:
        shown.append(("class:insecure", f" {INSECURE}: certificate not verified "))
    words = [status_line(session)]
    if session.name:
        words.append(str(session.address))
    words += [typed] if typed else []
    words.append("vi, F1 keys" if vi else "F1 keys")
    shown.append(("", f" {' · '.join(words)} "))
    return shown


def prompt_text(session: ShellSession) -> str:
    """The prompt as plain text."""
    return "".join(text for _, text in prompt_fragments(session))


def prompt_fragments(session: ShellSession) -> Fragments:
    """The prompt with its styles."""
    state = "" if session.connected else " (disconnected)"
    name = session.name or str(session.address)
    insecure = [("class:insecure", INSECURE), ("", " ")] if session.insecure else []
    if session.production:
        return [*insecure, ("class:production", f"{PRODUCTION} {name}"), ("", f"{state}> ")]
    return [*insecure, ("", f"{name}{state}> ")]
