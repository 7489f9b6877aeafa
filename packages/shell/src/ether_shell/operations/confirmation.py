"""Confirmation: when the user is asked first, and what `undo` can put back.

Rule: nothing is asked about blocks that this session made. About another block the user is
asked once, and only where bytes that are not all zero would be lost. Only a user at a prompt
is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from ether_protocol import ServerError, format_size
from ether_shell.problems import UsageError
from ether_shell.session.context import Context
from ether_shell.session.session import LastWrite

UNDO_BYTES: Final = 1024 * 1024
"""The longest write that `undo` takes back. Longer ones are asked about without a look."""


@dataclass(slots=True)
class NewBytes:
    """The bytes of a range after a write; they are read back where `data` is None."""

    data: bytes | None = None


def require_yes(context: Context, question: str, refusal: str) -> None:
    """Ask; raises `refusal`, as a UsageError for a no, as a KeyboardInterrupt for a Ctrl-C."""
    try:
        agreed = context.confirm(question)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(refusal) from None
    if not agreed:
        raise UsageError(refusal)


@contextmanager
def overwriting(context: Context, handle: int, offset: int, size: int) -> Iterator[NewBytes]:
    """Ask before a range is written, where needed; afterwards note for `undo` what was there."""
    session, after = context.session, NewBytes()
    if not context.interactive:
        yield after
        return
    short = size <= UNDO_BYTES
    before = _current_bytes(context, handle, offset, size) if short else None
    empty = before is not None and not any(before)
    if not empty and handle not in session.made and handle not in session.permitted:
        _ask(context, handle, before)
    session.change = None
    yield after
    if before is not None and len(before) == size:
        data = after.data
        if data is None:
            with context.session.internal_requests():
                data = context.client.read(handle, size, offset)
        session.change = LastWrite(handle, offset, before, data)


def _current_bytes(context: Context, handle: int, offset: int, size: int) -> bytes:
    """The bytes of a range; empty where the server refuses, as it will refuse the write."""
    try:
        with context.session.internal_requests():
            return context.client.read(handle, size, offset)
    except ServerError:
        return b""


def _ask(context: Context, handle: int, before: bytes | None) -> None:
    what = "bytes" if before is None else f"{format_size(len(before))} that are not all zero"
    require_yes(
        context,
        f"block {handle} was not made in this session: write over {what}?",
        "nothing was written",
    )
    context.session.permitted.add(handle)
