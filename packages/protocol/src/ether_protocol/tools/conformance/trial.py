"""What one rule has at hand: connections to the server, and blocks that are freed behind it.

Rule: a trial leaves nothing on the server that it can take away again, and
takes no longer than its budget, however the rule ended.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterable, Iterator
from itertools import islice

from ether_protocol.wire.address import Address
from ether_protocol.wire.constants import VERSION_2, Command, ErrorCode
from ether_protocol.wire.messages import Message

from . import expect
from .peer import Answered, Clock, Peer
from .requests import alloc, features_of, free, write
from .verdicts import Broken, NoConnection, Skipped

BUDGET_TIMEOUTS = 5
"""A rule may take so many times the timeout altogether."""

_BATCH_REQUESTS = 256
_POLL_SECONDS = 0.005
_ALWAYS_ROOM_BYTES = 64 * 1024
"""A server without room for a block of this size cannot be checked and is not excused."""

_NO_ROOM = (ErrorCode.NO_MEMORY, ErrorCode.QUOTA)


class Trial:
    """The surroundings of one rule's attempt."""

    def __init__(
        self, address: Address, timeout: float, features: frozenset[str] | None = None
    ) -> None:
        self.address = address
        self.features = features
        self.timeout = timeout
        self._clock = Clock(timeout, BUDGET_TIMEOUTS * timeout)
        self._peers: list[Peer] = []
        self._made: set[int] = set()

    def connect(self) -> Peer:
        """A new connection; raises NoConnection where the server takes none."""
        peer = _open(self.address, self._clock, self._note)
        self._peers.append(peer)
        return peer

    def block(
        self, peer: Peer, size: int, content: bytes = b"", *, version: int = VERSION_2
    ) -> int:
        """The handle of a new block of `size` bytes that begins with `content`.

        Raises Skipped where the server has no room for a large one.
        """
        reply = peer.ask(alloc(size, version=version))
        if size > _ALWAYS_ROOM_BYTES and expect.code_of(reply) in _NO_ROOM:
            raise Skipped(f"the server has no room for a block of {size} bytes")
        handle = expect.ok(reply).handle
        if content:
            expect.ok(peer.ask(write(handle, 0, content)), size=len(content))
        return handle

    def blocks(self, peer: Peer, count: int, size: int) -> list[int]:
        """The handles of `count` new blocks; raises Skipped where there is no room for them."""
        handles: list[int] = []
        while len(handles) < count:
            batch = min(_BATCH_REQUESTS, count - len(handles))
            peer.send(*(alloc(size) for _ in range(batch)))
            replies = [peer.receive() for _ in range(batch)]
            if any(expect.code_of(reply) in _NO_ROOM for reply in replies):
                raise Skipped(f"the server has no room for {count} blocks")
            handles += [expect.ok(reply).handle for reply in replies]
        return handles

    def has(self, feature: str) -> bool:
        """Whether the server says that it has `feature`; yes where it has said nothing."""
        return self.features is None or feature in self.features

    def serves(self, request: Message) -> bool:
        """Whether the server says that it serves requests like this one."""
        return all(self.has(feature) for feature in features_of(request))

    def polls(self, seconds: float) -> Iterator[None]:
        """Come round again and again, for so long at most."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            yield
            time.sleep(_POLL_SECONDS)

    def clean(self) -> int:
        """Close what was opened and free what was made; how many blocks may be left behind."""
        clock = Clock(self.timeout, self.timeout)
        unanswered = sum(self._settle(peer) for peer in self._peers)
        if self._made:
            with contextlib.suppress(Broken):
                janitor = _open(self.address, clock, self._note)
                try:
                    _free_all(janitor, sorted(self._made))
                finally:
                    janitor.close()
        return len(self._made) + unanswered

    def _settle(self, peer: Peer) -> int:
        """Close `peer`, after the replies to its ALLOCs if they come; how many did not."""
        with contextlib.suppress(Broken, Skipped):
            while any(request.command == Command.ALLOC for request in peer.awaited):
                peer.receive()
        peer.close()
        return sum(request.command == Command.ALLOC for request in peer.awaited)

    def _note(self, request: Message, reply: Message) -> None:
        """Remember which blocks there are; raise Skipped for what the server need not have."""
        if not self.serves(request) and expect.code_of(reply) == ErrorCode.UNSUPPORTED:
            raise Skipped(f"the server has no {' and no '.join(features_of(request))}")
        if request.command == Command.ALLOC and reply.command == Command.OK:
            self._made.add(reply.handle)
        elif request.command == Command.FREE and _is_gone(reply):
            self._made.discard(request.handle)


def _is_gone(reply: Message) -> bool:
    """Whether a FREE was carried out, or there was nothing left to free."""
    if reply.command == Command.OK:
        return True
    with contextlib.suppress(Broken):  # an ERROR without a code is no answer to that
        return expect.code_of(reply) == ErrorCode.NOT_FOUND
    return False


def _open(address: Address, clock: Clock, answered: Answered) -> Peer:
    try:
        sock = socket.create_connection((address.host, address.port), clock.allowance())
    except UnicodeError:
        raise NoConnection(f"{address.host!r} is no name of a machine") from None
    except OSError as error:
        raise NoConnection(error.strerror or str(error) or type(error).__name__) from None
    return Peer(sock, clock, answered)


def _free_all(peer: Peer, handles: Iterable[int]) -> None:
    rest = iter(handles)
    while batch := list(islice(rest, _BATCH_REQUESTS)):
        peer.send(*(free(handle) for handle in batch))
        for _ in batch:
            peer.receive()
