"""Other processes: what a fork does to blocking connections, and why no client is pickled.

Rule: a connection is used only by the process that opened it.  Two processes
at one socket would take each other's replies, and their ids would fit.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Protocol
from weakref import ref


class Closable(Protocol):
    """A connection, as far as this module needs it."""

    def close(self) -> None:
        """Close this process's copy of the socket."""


# Not a WeakSet: it runs Python when a connection is collected, where a Ctrl-C would be lost.
_opened: list[ref[Closable]] = []


def close_in_child(connection: Closable) -> None:
    """Close `connection` in every forked child; its client opens another one there."""
    for other in list(_opened):
        if other() is None:
            with suppress(ValueError):  # another thread was faster
                _opened.remove(other)
    _opened.append(ref(connection))


def not_pickled() -> TypeError:
    """The error for pickling a client, or a block with its client."""
    return TypeError(
        "a client can't be pickled: give the other process its address, and the blocks' handles"
    )


def _close_all() -> None:
    for each in _opened:
        connection = each()
        if connection is not None:
            connection.close()
    _opened.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_all)
