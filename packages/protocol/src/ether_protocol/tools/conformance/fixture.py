"""The fixture of one rule: connections to the server, and blocks that are freed afterwards.

Rule: however the rule ended, a fixture frees all its blocks that it can, and
takes no longer than its time budget.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from itertools import islice

from ether_protocol.client.core.options import ConnectOptions
from ether_protocol.wire.address import ServerAddress
from ether_protocol.wire.constants import VERSION_2, Command, ErrorCode
from ether_protocol.wire.messages import Message

from . import expect
from .peer import Peer, TimeBudget
from .requests import alloc, auth, features_of, free, write
from .verdicts import RuleBroken, RuleSkipped
from .wire import open_wire

BUDGET_TIMEOUTS = 5
"""A rule may take this many times the timeout."""

_BATCH_REQUESTS = 256
_POLL_SECONDS = 0.005
_ALWAYS_ROOM_BYTES = 64 * 1024
"""A server must have room for blocks up to this size; larger ones skip the rule."""

_NO_ROOM = (ErrorCode.NO_MEMORY, ErrorCode.QUOTA)


class Fixture:
    """What the function that checks one rule is given."""

    def __init__(
        self,
        address: ServerAddress,
        timeout: float,
        features: frozenset[str] | None = None,
        options: ConnectOptions | None = None,
        token: bytes | None = None,
    ) -> None:
        self.address = address
        self.features = features
        self.token = token
        """What lets a connection in; None where the server wants none."""
        self._options = options or ConnectOptions()
        self.timeout = timeout
        self._time_budget = TimeBudget(timeout, BUDGET_TIMEOUTS * timeout)
        self._peers: list[Peer] = []
        self._made: set[int] = set()

    def connect(self) -> Peer:
        """A new connection that is let in; raises NoConnection where the server takes none."""
        peer = self.connect_unauthenticated()
        self._authenticate(peer)
        return peer

    def connect_unauthenticated(self) -> Peer:
        """A new connection on which nothing was sent; raises NoConnection."""
        peer = self._open(self._time_budget)
        self._peers.append(peer)
        return peer

    def _open(self, time_budget: TimeBudget) -> Peer:
        wire = open_wire(self.address, self._options, time_budget.allowance())
        return Peer(wire, time_budget, self._record)

    def _authenticate(self, peer: Peer) -> None:
        if self.token is not None:
            expect.ok(peer.ask(auth(self.token)))

    def block(
        self, peer: Peer, size: int, content: bytes = b"", *, version: int = VERSION_2
    ) -> int:
        """The handle of a new block of `size` bytes that begins with `content`.

        Raises RuleSkipped where the server has no room for a large one.
        """
        reply = peer.ask(alloc(size, version=version))
        if size > _ALWAYS_ROOM_BYTES and expect.code_of(reply) in _NO_ROOM:
            raise RuleSkipped(f"the server has no room for a block of {size} bytes")
        handle = expect.ok(reply).handle
        if content:
            expect.ok(peer.ask(write(handle, 0, content)), size=len(content))
        return handle

    def blocks(self, peer: Peer, count: int, size: int) -> list[int]:
        """The handles of `count` new blocks; raises RuleSkipped where there is no room for them."""
        handles: list[int] = []
        while len(handles) < count:
            batch = min(_BATCH_REQUESTS, count - len(handles))
            peer.send(*(alloc(size) for _ in range(batch)))
            replies = [peer.receive() for _ in range(batch)]
            if any(expect.code_of(reply) in _NO_ROOM for reply in replies):
                raise RuleSkipped(f"the server has no room for {count} blocks")
            handles += [expect.ok(reply).handle for reply in replies]
        return handles

    def has(self, feature: str) -> bool:
        """Whether HELLO named `feature`; True where no HELLO was asked."""
        return self.features is None or feature in self.features

    def serves(self, request: Message) -> bool:
        """Whether the server has the features that `request` needs."""
        return all(self.has(feature) for feature in features_of(request))

    def polls(self, seconds: float) -> Iterator[None]:
        """Iterate, with short pauses, for at most `seconds`."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            yield
            time.sleep(_POLL_SECONDS)

    def clean(self) -> int:
        """Close all connections and free all blocks; returns how many blocks may be left."""
        time_budget = TimeBudget(self.timeout, self.timeout)
        unanswered = sum(self._finish(peer) for peer in self._peers)
        if self._made:
            with contextlib.suppress(RuleBroken):
                cleaner = self._open(time_budget)
                try:
                    self._authenticate(cleaner)
                    _free_all(cleaner, sorted(self._made))
                finally:
                    cleaner.close()
        return len(self._made) + unanswered

    def _finish(self, peer: Peer) -> int:
        """Receive the replies to ALLOCs, then close `peer`; returns how many are missing."""
        with contextlib.suppress(RuleBroken, RuleSkipped):
            while any(request.command == Command.ALLOC for request in peer.awaited):
                peer.receive()
        peer.close()
        return sum(request.command == Command.ALLOC for request in peer.awaited)

    def _record(self, request: Message, reply: Message) -> None:
        """Keep track of blocks; raises RuleSkipped for a feature that the server does not have."""
        if not self.serves(request) and expect.code_of(reply) == ErrorCode.UNSUPPORTED:
            raise RuleSkipped(f"the server has no {' and no '.join(features_of(request))}")
        if request.command == Command.ALLOC and reply.command == Command.OK:
            self._made.add(reply.handle)
        elif request.command == Command.FREE and _is_gone(reply):
            self._made.discard(request.handle)


def _is_gone(reply: Message) -> bool:
    """Whether the block is gone after this reply to a FREE."""
    if reply.command == Command.OK:
        return True
    with contextlib.suppress(RuleBroken):  # an ERROR that does not parse does not tell
        return expect.code_of(reply) == ErrorCode.NOT_FOUND
    return False


def _free_all(peer: Peer, handles: Iterable[int]) -> None:
    rest = iter(handles)
    while batch := list(islice(rest, _BATCH_REQUESTS)):
        peer.send(*(free(handle) for handle in batch))
        for _ in batch:
            peer.receive()
