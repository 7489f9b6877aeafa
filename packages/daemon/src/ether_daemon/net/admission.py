"""Who is let in, as whom, and who is here.

Rule: a connection has no principal, and so no blocks and no fast path, before
it is admitted here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from ether_daemon.service.access import (
    AccessRules,
    Credential,
    Grant,
    of_certificate,
    of_token,
    of_user,
)
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
    "start etherd with --auth-file to serve others who say who they are, or with --insecure "
    "to serve every machine that can reach it",
    fatal=True,
)
TOO_LATE = Refusal(ErrorCode.UNAUTHENTICATED, "others wait to say who they are", fatal=True)


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

    def __init__(
        self,
        settings: Settings,
        anonymous: Principal | None,
        defer: Defer,
        rules: AccessRules | None = None,
        principal: Callable[[str], Principal] | None = None,
    ) -> None:
        """Everybody is `anonymous`, or with `rules` the `principal` that they grant."""
        self.refused = 0
        """How many were ever refused."""
        self.empty = asyncio.Event()
        """Set while nobody is connected."""
        self.empty.set()
        self._settings = settings
        self._anonymous = anonymous
        self._defer = defer
        self._rules = rules
        self._principal = principal
        self._admitted: dict[Guest, Principal] = {}
        self._shown: dict[Guest, tuple[Credential, Grant]] = {}
        self._waiting: dict[Guest, None] = {}  # those first who came first
        self._denied: set[Guest] = set()

    @property
    def connections(self) -> list[Guest]:
        """Everybody who is connected, those included who are only told why they are not served."""
        return [*self._admitted, *self._waiting, *self._denied]

    @property
    def clients(self) -> int:
        """How many are served."""
        return len(self._admitted)

    @property
    def takes_tokens(self) -> bool:
        """Whether AUTH can succeed."""
        return self._rules is not None and self._rules.has_tokens

    @property
    def identifies(self) -> bool:
        """Whether clients act for principals of their own."""
        return self._rules is not None

    def admit(self, guest: Guest) -> Principal | Refusal | None:
        """Whom a new connection acts for, or why it is not served; None: it has to say who it is.

        A user or a certificate lets it in at once.
        """
        self.empty.clear()
        refusal = self._refusal(guest)
        if refusal is not None:
            return self._deny(guest, refusal)
        if self._rules is None:
            assert self._anonymous is not None
            return self._let_in(guest, self._anonymous)
        for credential in _credentials(guest.origin):
            grant = self._rules.grant(credential)
            if grant is not None:
                return self._let_in_as(guest, credential, grant)
        if len(self._waiting) >= max(1, self._settings.max_clients // 2):
            self._give_up_on_one()
        self._waiting[guest] = None
        return None

    def authenticate(self, guest: Guest, token: bytes) -> Principal | Refusal | None:
        """Whom a connection that waits acts for with this token; None: for nobody."""
        assert self._rules is not None
        credential = of_token(token)
        grant = self._rules.grant(credential)
        if grant is None or guest not in self._waiting:
            return None
        del self._waiting[guest]
        return self._let_in_as(guest, credential, grant)

    def is_read_only(self, guest: Guest) -> bool:
        """Whether a connection that was let in may change nothing."""
        shown = self._shown.get(guest)
        return shown is not None and shown[1].read_only

    def change_rules(self, rules: AccessRules) -> int:
        """Take new rules; returns how many connections they end.

        Those end whose token, user or certificate would not let them in as it did.
        """
        self._rules = rules
        ended = [
            guest
            for guest, (credential, grant) in self._shown.items()
            if rules.grant(credential) != grant
        ]
        for guest in ended:
            guest.abort()
        return len(ended)

    def leave(self, guest: Guest, session_blocks: SessionBlocks | None) -> None:
        """A connection is gone: free its SESSION blocks between other clients' requests."""
        self._denied.discard(guest)
        self._waiting.pop(guest, None)
        self._shown.pop(guest, None)
        principal = self._admitted.pop(guest, None)
        if principal is not None:
            principal.counters.clients -= 1
            if session_blocks is not None:
                steps = principal.blocks.end_session(session_blocks)
                if session_blocks:
                    self._defer(steps)
        if not (self._admitted or self._waiting or self._denied):
            self.empty.set()

    def _let_in_as(self, guest: Guest, credential: Credential, grant: Grant) -> Principal | Refusal:
        assert self._principal is not None
        principal = self._principal(grant.principal)
        most = principal.max_clients
        if most and principal.counters.clients >= most:
            return self._deny(guest, _too_many(most, f" of {principal.name}"))
        self._shown[guest] = credential, grant
        return self._let_in(guest, principal)

    def _let_in(self, guest: Guest, principal: Principal) -> Principal:
        self._admitted[guest] = principal
        principal.counters.clients += 1
        principal.counters.clients_served += 1
        return principal

    def _deny(self, guest: Guest, refusal: Refusal) -> Refusal:
        self.refused += 1
        self._denied.add(guest)
        return refusal

    def _refusal(self, guest: Guest) -> Refusal | None:
        if self._rules is None and not self._settings.insecure and not guest.origin.local:
            return NOT_LOCAL
        limit = self._settings.max_clients
        # Those who are only told why they are not served take nobody's place.
        if len(self._admitted) + len(self._waiting) >= limit:
            if not self._waiting:
                return _too_many(limit)
            self._give_up_on_one()
        return None

    def _give_up_on_one(self) -> None:
        """Close the connection that has had most time to say who it is."""
        oldest = next(iter(self._waiting))
        del self._waiting[oldest]
        self._deny(oldest, TOO_LATE)
        oldest.abort()


def _too_many(limit: int, whose: str = "") -> Refusal:
    text = f"{limit} clients{whose} are connected, and no more may be"
    return Refusal(ErrorCode.BUSY, text, fatal=True)


def _credentials(origin: Origin) -> list[Credential]:
    found = []
    if origin.uid is not None:
        found.append(of_user(origin.uid))
    if origin.certificate is not None:
        found.append(of_certificate(origin.certificate))
    return found
