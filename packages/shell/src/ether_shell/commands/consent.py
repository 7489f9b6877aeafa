"""When a person is asked first, and what is remembered of bytes that are written over.

Rule: a block that this session made is its own, and nothing is asked about it.
Of a block that it did not make the shell asks once, and only where bytes that
are not all zero would go.  Only somebody at a prompt is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from ether_protocol import ServerError, format_size
from ether_shell.context import Context
from ether_shell.problems import Misuse
from ether_shell.session import Change

UNDO_BYTES: Final = 1024 * 1024
"""The longest write that `undo` takes back, and that is looked at before it is asked about."""


@dataclass(slots=True)
class After:
    """What stands in a range when it was written; left out, it is read back."""

    data: bytes | None = None


def agree(context: Context, question: str, refusal: str) -> None:
    """Ask; raises Misuse with `refusal` for a no, and KeyboardInterrupt with it for a Ctrl-C."""
    try:
        agreed = context.confirm(question)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(refusal) from None
    if not agreed:
        raise Misuse(refusal)


@contextmanager
def overwriting(context: Context, handle: int, offset: int, size: int) -> Iterator[After]:
    """Before a range is written: ask, if need be.  Afterwards: have `undo` know what was there."""
    session, after = context.session, After()
    if not context.interactive:
        yield after
        return
    short = size <= UNDO_BYTES
    before = _standing(context, handle, offset, size) if short else None
    empty = before is not None and not any(before)
    if not empty and handle not in session.made and handle not in session.permitted:
        _ask(context, handle, before)
    session.change = None
    yield after
    if before is not None and len(before) == size:
        data = after.data
        if data is None:
            with context.session.asides():
                data = context.client.read(handle, size, offset)
        session.change = Change(handle, offset, before, data)


def _standing(context: Context, handle: int, offset: int, size: int) -> bytes:
    """The bytes of a range; none where the write is going to be refused, with its own words."""
    try:
        with context.session.asides():
            return context.client.read(handle, size, offset)
    except ServerError:
        return b""


def _ask(context: Context, handle: int, before: bytes | None) -> None:
    what = "bytes" if before is None else f"{format_size(len(before))} that are not all zero"
    agree(
        context,
        f"block {handle} was not made in this session: write over {what}?",
        "nothing was written",
    )
    context.session.permitted.add(handle)
