"""Connections of a server whose clients may not be idle for ever.

Rule: a server without that limit has connections that know nothing of it.
"""

from __future__ import annotations

import asyncio

from .connection import Connection
from .deadlines import Deadlines
from .shared import Shared


class WatchedConnection(Connection):
    """The same, where clients may not be idle for ever: it knows whether anything came."""

    __slots__ = ("_arrived",)

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self._arrived = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask whether this client is served, and watch it."""
        super().connection_made(transport)
        self._deadlines.watch(self)

    def buffer_updated(self, nbytes: int) -> None:
        """Carry out what has come."""
        self._arrived = True
        super().buffer_updated(nbytes)

    def was_idle(self) -> bool:
        """Whether there was nothing to do for it since this was last asked."""
        arrived, self._arrived = self._arrived, False
        return not arrived and super().was_idle()


def connection_class(deadlines: Deadlines) -> type[Connection]:
    """What serves a new client."""
    return WatchedConnection if deadlines.watches_idle else Connection
