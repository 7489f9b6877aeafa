"""Other processes: what a fork means for blocking connections, and that no client is pickled.

Rule: a connection is used by the process that opened it.  Two at one socket
would take each other's replies, with ids that fit.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Protocol
from weakref import ref


class Closable(Protocol):
    """A connection as far as it matters here."""

    def close(self) -> None:
        """Close this process's copy of the socket."""


# A WeakSet runs Python where a connection is collected, and a Ctrl-C that falls there is lost.
_opened: list[ref[Closable]] = []


def stays_with_parent(connection: Closable) -> None:
    """Have `connection` closed in every child, where its client then opens one of its own."""
    for other in list(_opened):
        if other() is None:
            with suppress(ValueError):  # another thread was faster
                _opened.remove(other)
    _opened.append(ref(connection))


def not_pickled() -> TypeError:
    """What to raise where a client, or a block with it, is sent to another process."""
    return TypeError(
        "a client can't be pickled: give the other process its address, and the blocks' handles"
    )


def _leave() -> None:
    for each in _opened:
        connection = each()
        if connection is not None:
            connection.close()
    _opened.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave)
