"""Who is let in, as whom, and who is here.

Rule: a connection has no principal, and so no blocks and no fast path, before
it is admitted here.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from ether_daemon.service.blocks import SessionBlocks
from ether_daemon.service.principal import Principal
from ether_daemon.settings import Settings
from ether_daemon.stores.contract import Defer
from ether_protocol.wire.constants import ErrorCode
from ether_protocol.wire.framing import Refusal

from .origin import Origin

NOT_LOCAL = Refusal(
    ErrorCode.FORBIDDEN,
    "this server has no authentication configured and serves only its own machine: "
    "start etherd with --insecure to serve every machine that can reach it",
    fatal=True,
)


class Guest(Protocol):
    """What is needed here of a connection."""

    origin: Origin
    """The other end, as far as its transport vouches for it."""

    def drain(self) -> None:
        """Finish what is under way, then close."""

    def abort(self) -> None:
        """Close now."""


class Admission:
    """The connections of one server."""

    def __init__(self, settings: Settings, anonymous: Principal, defer: Defer) -> None:
        self.refused = 0
        """How many were ever refused."""
        self.empty = asyncio.Event()
        """Set while nobody is connected."""
        self.empty.set()
        self._settings = settings
        self._anonymous = anonymous
        self._defer = defer
        self._admitted: dict[Guest, Principal] = {}
        self._denied: set[Guest] = set()

    @property
    def connections(self) -> list[Guest]:
        """Everybody who is connected, those included who are only told why they are not served."""
        return [*self._admitted, *self._denied]

    @property
    def clients(self) -> int:
        """How many are served."""
        return len(self._admitted)

    def admit(self, guest: Guest) -> Principal | Refusal:
        """Whom a new connection acts for, or why it is not served."""
        self.empty.clear()
        refusal = self._refusal(guest)
        if refusal is not None:
            self.refused += 1
            self._denied.add(guest)
            return refusal
        principal = self._anonymous
        self._admitted[guest] = principal
        principal.counters.clients += 1
        principal.counters.clients_served += 1
        return principal

    def leave(self, guest: Guest, session_blocks: SessionBlocks | None) -> None:
        """A connection is gone: free its SESSION blocks between other clients' requests."""
        self._denied.discard(guest)
        principal = self._admitted.pop(guest, None)
        if principal is not None:
            principal.counters.clients -= 1
            if session_blocks is not None:
                steps = principal.blocks.end_session(session_blocks)
                if session_blocks.handles:
                    self._defer(steps)
        if not (self._admitted or self._denied):
            self.empty.set()

    def _refusal(self, guest: Guest) -> Refusal | None:
        if not self._settings.insecure and not guest.origin.local:
            return NOT_LOCAL
        limit = self._settings.max_clients
        # Those who are only told why they are not served take nobody's place.
        if len(self._admitted) >= limit:
            return Refusal(
                ErrorCode.BUSY, f"{limit} clients are connected, and no more may be", fatal=True
            )
        return None
