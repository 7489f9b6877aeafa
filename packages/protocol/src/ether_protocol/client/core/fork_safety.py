"""Other processes: what a fork does to blocking connections, and why no client is pickled.

Rule: a connection is used only by the process that opened it.  Two processes
at one socket would take each other's replies, and their ids would fit.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Protocol, TypeVar
from weakref import ref


class Closable(Protocol):
    """A connection, as far as this module needs it."""

    def close(self) -> None:
        """Close this process's copy of the socket."""


class Lockable(Protocol):
    """What one thread at a time may use, as far as this module needs it."""

    def renew_lock(self) -> None:
        """Forget which thread uses it."""


_Kept = TypeVar("_Kept")

# Not WeakSets: they run Python when a connection is collected, where a Ctrl-C would be lost.
_opened: list[ref[Closable]] = []
_locked: list[ref[Lockable]] = []


def close_in_child(connection: Closable) -> None:
    """Close `connection` in every forked child; its client opens another one there."""
    _keep(connection, _opened)


def renew_lock_in_child(client: Lockable) -> None:
    """Give `client` a new lock in every forked child.

    If another thread of the parent uses it, the child's copy of the lock is
    held by a thread that does not exist there.
    """
    _keep(client, _locked)


def _keep(thing: _Kept, kept: list[ref[_Kept]]) -> None:
    for other in list(kept):
        if other() is None:
            with suppress(ValueError):  # another thread was faster
                kept.remove(other)
    kept.append(ref(thing))


def not_pickled() -> TypeError:
    """The error for pickling a client, or a block with its client."""
    return TypeError(
        "a client can't be pickled: give the other process its address, and the blocks' handles"
    )


def _leave_parent() -> None:
    for each in _opened:
        connection = each()
        if connection is not None:
            connection.close()
    _opened.clear()
    for one in _locked:  # not cleared: a child may fork, too
        client = one()
        if client is not None:
            client.renew_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_parent)
