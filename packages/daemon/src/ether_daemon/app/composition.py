"""What the sessions of one server share: the blocks, the limits, the counters, who is let in.

Rule: decisions and plain integers; the sockets are `server`'s and `session`'s.
"""

from __future__ import annotations

import asyncio
import secrets
import time

from ether_daemon import __version__
from ether_daemon.engine.python import FastPath, fast_path
from ether_daemon.engine.reply_buffer import Replies
from ether_daemon.net.busy_poll import IdlePoll
from ether_daemon.net.connection import Session
from ether_daemon.net.receive import ReceiveBuffer
from ether_daemon.net.send_batch import Rounds
from ether_daemon.service.blocks import Handles
from ether_daemon.service.commands import Caller
from ether_daemon.service.quota import Ledger, Limits
from ether_daemon.settings import Settings
from ether_daemon.stores.memory.store import MemoryStore
from ether_protocol.sockets import is_loopback
from ether_protocol.wire.bodies import Hello
from ether_protocol.wire.constants import (
    MAX_PAYLOAD_BYTES,
    OPTIONAL_FEATURES,
    SESSION_BLOCKS,
    Command,
    ErrorCode,
)
from ether_protocol.wire.framing import Refusal

from .deferred_work import Chores

NAME = "etherd"
TICK_SECONDS = 0.25
FEATURES = (SESSION_BLOCKS, *OPTIONAL_FEATURES.values())

NOT_LOCAL = Refusal(
    ErrorCode.FORBIDDEN,
    "this server has no authentication configured and serves only its own machine: "
    "start etherd with --insecure to serve every machine that can reach it",
    fatal=True,
)


class EtherService:
    """One server's state; see `session.Service` for what sessions use of it."""

    def __init__(self, settings: Settings) -> None:
        self.ledger = Ledger(Limits(settings.max_memory_bytes, settings.max_handles))
        self.chores = Chores()
        self.sessions: set[Session] = set()
        self.empty = asyncio.Event()
        self.empty.set()
        self.receive_buffer = ReceiveBuffer()
        self.replies = Replies()
        self.requests = [0] * 256
        self.bytes_in = 0
        self.bytes_out = 0
        self.rounds = Rounds(self, IdlePoll(settings.idle_poll_seconds))
        self._settings = settings
        self._store = MemoryStore(
            settings.max_memory_bytes, self.chores.add, self.receive_buffer.spares
        )
        self._anonymous = Handles(self._store, self.ledger)
        self._denied: set[Session] = set()
        self._bytes_in_at_tick = 0
        self._wiped = True
        self._connections = 0
        self._refused = 0
        self._started = time.monotonic()
        # The blocks of a memory store live as long as this object.
        self._instance = secrets.randbits(64)
        self.fast_path: FastPath | None = fast_path(
            self._anonymous.table.pages,
            self._store.arena,
            self._store.arena_view,
            self._store.large,
            self.requests,
            self.replies.data,
            self.replies.view,
        )

    def admit(self, session: Session) -> Refusal | None:
        """Take `session` in, or say why not."""
        self.sessions.add(session)
        self.empty.clear()
        refusal = self._refusal(session)
        if refusal is None:
            self._connections += 1
        else:
            self._refused += 1
            self._denied.add(session)
        return refusal

    def leave(self, session: Session) -> None:
        """Forget `session`, and free its SESSION blocks between other clients' requests."""
        self.sessions.discard(session)
        self._denied.discard(session)
        if not self.sessions:
            self.empty.set()
        blocks = session.caller.session_blocks
        if blocks:
            self.chores.add(session.caller.handles.free_in_steps(list(blocks)))

    def caller(self) -> Caller:
        """Without authentication everybody is the one principal `anonymous`."""
        return Caller(self._anonymous, self)

    def hello(self) -> Hello:
        """What HELLO answers."""
        return Hello(
            name=NAME,
            version=__version__,
            max_payload_bytes=MAX_PAYLOAD_BYTES,
            max_memory_bytes=self._settings.max_memory_bytes,
            max_handles=self._settings.max_handles,
            features=FEATURES,
            instance=self._instance,
        )

    def stats(self) -> dict[str, int]:
        """What STATS answers; docs/protocol.md promises no name, only that counters count."""
        ledger = self.ledger
        counters = {
            "uptime_seconds": int(time.monotonic() - self._started),
            "clients": len(self.sessions) - len(self._denied),
            "clients_served": self._connections,
            "clients_refused": self._refused,
            "blocks": ledger.blocks,
            "used_bytes": ledger.used_bytes,
            "peak_bytes": ledger.peak_bytes,
            "limit_bytes": ledger.limits.max_memory_bytes,
            "allocated_bytes": ledger.allocated_bytes,
            "freed_bytes": ledger.freed_bytes,
            "received_bytes": self.bytes_in,
            "sent_bytes": self.bytes_out,
        }
        for command in Command:
            if self.requests[command]:
                counters[f"requests_{command.name.lower()}"] = self.requests[command]
        return counters

    def tick(self) -> None:
        """Every TICK_SECONDS: let nothing that was received or sent lie about for long."""
        self.receive_buffer.spares.tick()
        if self.bytes_in == self._bytes_in_at_tick:
            if not self._wiped:
                self.receive_buffer.wipe()
                self.replies.wipe()
                self._wiped = True
        else:
            self._bytes_in_at_tick = self.bytes_in
            self._wiped = False

    def close(self) -> None:
        """Free and wipe everything there is."""
        self.fast_path = None
        for _ in self._anonymous.free_all():
            pass
        self.chores.finish()
        self._store.close()

    def _refusal(self, session: Session) -> Refusal | None:
        if not self._settings.insecure and not is_local(session.address):
            return NOT_LOCAL
        limit = self._settings.max_clients
        # Those who are only being told why they are not served take nobody's place.
        if len(self.sessions) - len(self._denied) > limit:
            return Refusal(
                ErrorCode.BUSY, f"{limit} clients are connected, and no more may be", fatal=True
            )
        return None


def is_local(address: object) -> bool:
    """Whether a peer's socket address belongs to this machine: loopback, or a path.

    A peer that reset its connection before it was accepted has no address any
    more, though what it sent can still be read: it may be from anywhere.
    """
    if isinstance(address, tuple):
        return is_loopback(str(address[0]))
    return isinstance(address, str | bytes)
