"""What a `trace=` hook is told: every message, either way, taken apart into fields.

Rule: a record keeps no message and no secret, only what `dissect` shows of it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ether_protocol.wire.messages import Message

if TYPE_CHECKING:
    from ether_protocol.inspect.dissect import Field


@dataclass(frozen=True, slots=True)
class Traced:
    """One message on its way.

    `sent` says which way; `summary` is one line for a log; `fields` are its
    bytes by offset.  `elapsed`, in seconds, is how long after its request a
    reply was there, None for a request.
    """

    sent: bool
    summary: str
    fields: tuple[Field, ...]
    elapsed: float | None = None

    def __str__(self) -> str:
        """`> READ #1 handle=7 size=5`, `< OK #1 … (0.08 ms)`."""
        took = "" if self.elapsed is None else f" ({self.elapsed * 1000:.2f} ms)"
        return f"{'>' if self.sent else '<'} {self.summary}{took}"


Trace: TypeAlias = Callable[[Traced], object]
"""A hook; what it raises reaches whoever made the request."""


class Tracer:
    """Tells a hook of one connection's messages, and matches replies with requests.

    Replies to the `under_way` requests that were sent before it are not shown.
    """

    def __init__(self, hook: Trace, under_way: int = 0) -> None:
        # `dissect` needs construct, which takes longer to import than all the rest of a client.
        from ether_protocol.inspect.dissect import dissect

        self._dissect = dissect
        self._hook = hook
        self._open: deque[tuple[int, float] | None] = deque([None] * under_way)

    def sent(self, request: Message) -> None:
        """A request is about to leave."""
        self._open.append((request.command, time.perf_counter()))
        self._hook(Traced(True, str(request), tuple(self._dissect(request))))

    def received(self, reply: Message) -> None:
        """A reply is here, in the order of the requests."""
        begun = self._open.popleft()
        if begun is None:
            return
        command, since = begun
        elapsed = time.perf_counter() - since
        self._hook(Traced(False, str(reply), tuple(self._dissect(reply, command)), elapsed))
