"""What the server says of itself: HELLO and STATS.

Rule: numbers are read here and never changed; a principal is shown its own,
and of the server only what is nobody's.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from types import MappingProxyType

from ether_daemon import __version__
from ether_daemon.net.admission import Admission
from ether_daemon.net.buffer_budget import BufferBudget
from ether_daemon.net.deadlines import Deadlines
from ether_daemon.service.principal import Principal
from ether_daemon.service.quota import Quota
from ether_daemon.settings import Settings
from ether_protocol.wire.bodies import Hello
from ether_protocol.wire.constants import (
    MAX_PAYLOAD_BYTES,
    MAX_SIZE,
    OPTIONAL_FEATURES,
    SESSION_BLOCKS,
    Command,
)

NAME = "etherd"
FEATURES = (SESSION_BLOCKS, *OPTIONAL_FEATURES.values())


class Statistics:
    """The facts about one server."""

    def __init__(
        self,
        settings: Settings,
        quota: Quota,
        admission: Admission,
        budget: BufferBudget,
        deadlines: Deadlines,
        instance: int | None = None,
        principals: Mapping[str, Principal] = MappingProxyType({}),
    ) -> None:
        """`instance` names the blocks that there are; a number of chance where it is left out.

        An admin is told of all the `principals`.
        """
        self.quota = quota
        """The account of all principals together."""
        self._settings = settings
        self._admission = admission
        self._budget = budget
        self._deadlines = deadlines
        self._principals = principals
        self._started = time.monotonic()
        # The blocks of a memory store live as long as this object.
        self._instance = secrets.randbits(64) if instance is None else instance

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

    def stats(self, principal: Principal) -> dict[str, int]:
        """What STATS answers; docs/protocol.md promises no name, only that counters count."""
        own = _counters(principal)
        numbers = {
            "uptime_seconds": int(time.monotonic() - self._started),
            "clients": own.pop("clients"),
            "clients_served": own.pop("clients_served"),
            "clients_refused": self._admission.refused,
            "clients_closed_for_buffers": self._budget.closed,
            "clients_closed_for_time": self._deadlines.closed,
            **own,
        }
        if principal.admin:
            for name, other in sorted(self._principals.items()):
                for counter, value in _counters(other).items():
                    numbers[f"principal.{name}.{counter}"] = value
        # STATS has 64 bits for a number: one that has grown past them stays at the most there is.
        return {name: min(number, MAX_SIZE) for name, number in numbers.items()}


def _counters(principal: Principal) -> dict[str, int]:
    """What is one principal's."""
    quota, counters = principal.quota, principal.counters
    numbers = {
        "clients": counters.clients,
        "clients_served": counters.clients_served,
        "blocks": quota.blocks,
        "used_bytes": quota.used_bytes,
        "peak_bytes": quota.peak_bytes,
        "limit_bytes": quota.limit_bytes,
        "allocated_bytes": quota.allocated_bytes,
        "freed_bytes": quota.freed_bytes,
        "received_bytes": counters.bytes_in,
        "sent_bytes": counters.bytes_out,
    }
    for command in Command:
        if counters.requests[command]:
            numbers[f"requests_{command.name.lower()}"] = counters.requests[command]
    return numbers
