"""What a `trace=` hook is called with: every message, sent or received, as its fields.

Rule: a record keeps no message and no secret, only what `dissect` shows of it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from ether_protocol.inspect.field import Field
from ether_protocol.wire.messages import Message


@dataclass(frozen=True, slots=True)
class Traced:
    """One message, as a trace hook is called with it.  `str()` makes a line for a log.

    Attributes:
        sent: True for a request, False for a reply.
        summary: The message in one line, without its payload.
        fields: The bytes of the message, by offset.  A token is not shown.
        elapsed: Seconds from the request to its reply; None for a request.
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
"""A hook, called with every message; what it raises reaches the caller of the request."""


class Tracer:
    """Calls a hook with the messages of one connection, and matches replies with requests.

    Replies to the `in_flight` requests that were sent earlier are not shown.
    """

    def __init__(self, hook: Trace, in_flight: int = 0) -> None:
        # `dissect` needs construct, which takes longer to import than all the rest of a client.
        from ether_protocol.inspect.dissect import dissect

        self._dissect = dissect
        self._hook = hook
        self._open: deque[tuple[int, float] | None] = deque([None] * in_flight)

    def sent(self, request: Message) -> None:
        """A request is about to be sent."""
        self._open.append((request.command, time.perf_counter()))
        self._hook(Traced(True, str(request), tuple(self._dissect(request))))

    def received(self, reply: Message) -> None:
        """A reply was received; replies come in the order of the requests."""
        request = self._open.popleft()
        if request is None:
            return
        command, since = request
        elapsed = time.perf_counter() - since
        self._hook(Traced(False, str(reply), tuple(self._dissect(reply, command)), elapsed))
