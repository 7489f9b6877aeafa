"""Who asks: everything that is somebody's own.

Rule: nothing of one principal can be reached from another's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ether_daemon.stores.contract import Defer, Store

from .blocks import Blocks
from .quota import Quota

ANONYMOUS = "anonymous"
"""The name of everybody who need not say who they are."""


class PrincipalCounters:
    """What one principal's connections have asked for, in plain integers."""

    __slots__ = ("bytes_in", "bytes_out", "clients", "clients_served", "requests")

    def __init__(self) -> None:
        self.requests = [0] * 256
        """How many requests, by command."""
        self.bytes_in = 0
        self.bytes_out = 0
        self.clients = 0
        """How many are connected."""
        self.clients_served = 0
        """How many ever were."""


class FastPath(Protocol):
    """A principal's way past the service, for plain requests about plain bytes."""

    def serve(
        self, data: memoryview, start: int, end: int, filled: int, full: int
    ) -> tuple[int, int]:
        """Answer the messages at `data[start:end]` until one is not for the fast path.

        Replies are put into the reply buffer from `filled` on; no further message
        is taken once `full` bytes stand there.  Returns where it stopped and how
        far the reply buffer is filled.
        """


Serve = Callable[[memoryview, int, int, int, int], tuple[int, int]]
"""`FastPath.serve`, bound once for all connections of a principal."""


class Principal:
    """One owner of blocks: its handle table, quota, counters, and binding to the fast path."""

    __slots__ = (
        "_fast_path",
        "admin",
        "blocks",
        "counters",
        "max_clients",
        "name",
        "quota",
        "serve_fast",
    )

    def __init__(self, name: str, store: Store, quota: Quota, defer: Defer) -> None:
        self.name = name
        self.admin = False
        """Whether it is told of every principal."""
        self.max_clients = 0
        """Most connections at a time; 0 for any number."""
        self.quota = quota
        self.blocks = Blocks(name, store, quota, defer)
        self.counters = PrincipalCounters()
        self.serve_fast: Serve | None = None
        self._fast_path: FastPath | None = None

    @property
    def fast_path(self) -> FastPath | None:
        """What serves its plain requests; None where all of them take the slow path."""
        return self._fast_path

    @fast_path.setter
    def fast_path(self, fast_path: FastPath | None) -> None:
        self._fast_path = fast_path
        self.serve_fast = None if fast_path is None else fast_path.serve
