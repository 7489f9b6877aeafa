"""What the connections of one server share.

Rule: everything here is there before the first connection and outlives the last one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ether_daemon.service.commands import ServerFacts
from ether_daemon.service.principal import PrincipalCounters

from .admission import Admission
from .buffer_budget import BufferBudget
from .deadlines import Deadlines
from .receive import SharedReceiveMemory
from .send_batch import SendBatch

LINGER_SECONDS = 0.5
"""What `Shared.linger_seconds` is where nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What the connections of one server share."""

    memory: SharedReceiveMemory
    batch: SendBatch
    admission: Admission
    budget: BufferBudget
    deadlines: Deadlines
    facts: ServerFacts
    counters: PrincipalCounters = field(default_factory=PrincipalCounters)
    """Of those who are not let in."""
    clock: Callable[[], float] = time.monotonic
    """Seconds, for the length of a turn."""
    linger_seconds: float = LINGER_SECONDS
    """How long a client may take to read the last replies before it is cut off."""
