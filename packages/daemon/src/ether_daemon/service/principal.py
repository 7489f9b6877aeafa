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
        """Answer the version 2 messages at `data[start:end]` until one is not for the fast path.

        Replies are put into the reply buffer from `filled` on; no further message
        is taken once `full` bytes stand there.  Returns where it stopped and how
        far the reply buffer is filled.
        """

    def serve_v1(
        self, data: memoryview, start: int, end: int, filled: int, full: int
    ) -> tuple[int, int, int]:
        """The same for version 1, from a client that is not known to send filler.

        Returns also how many bytes of filler may follow the last message that
        was answered (docs/protocol.md, "The original C client's habit").
        """


Serve = Callable[[memoryview, int, int, int, int], tuple[int, int]]
"""What `FastPath.serve` is to a connection."""


class Principal:
    """One owner of blocks: its handle table, quota, counters, and binding to the fast path."""

    __slots__ = ("admin", "blocks", "counters", "fast_path", "max_clients", "name", "quota")

    def __init__(self, name: str, store: Store, quota: Quota, defer: Defer) -> None:
        self.name = name
        self.admin = False
        """Whether it is told of every principal."""
        self.max_clients = 0
        """Most connections at a time; 0 for any number."""
        self.quota = quota
        self.blocks = Blocks(name, store, quota, defer)
        self.counters = PrincipalCounters()
        self.fast_path: FastPath | None = None
        """What serves its plain requests; None where all of them take the slow path."""
