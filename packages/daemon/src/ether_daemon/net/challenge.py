"""A client that has to say who it is: the time that it has, and what wrong tokens cost.

Rule: nobody else waits for it; what is due later is a timer, and all of them end
with the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ether_protocol.wire.constants import MAX_TOKEN_BYTES, ErrorCode
from ether_protocol.wire.framing import Refusal

AUTH_SECONDS = 10.0
"""How long a client has, from its first byte to the right token."""

MAX_FAILURES = 5
FIRST_DELAY_SECONDS = 0.1
"""How long the answer to a wrong token takes; each further one takes twice as long."""

RECEIVED_BYTES = MAX_TOKEN_BYTES + 40
"""How much is received at a time of somebody who has not said who they are."""

WRONG_TOKEN = Refusal(ErrorCode.UNAUTHENTICATED, "this token is nobody's")
LAST_WRONG_TOKEN = Refusal(
    ErrorCode.UNAUTHENTICATED, f"this was wrong token {MAX_FAILURES} of {MAX_FAILURES}", fatal=True
)
TOO_LONG = Refusal(
    ErrorCode.UNAUTHENTICATED,
    f"before AUTH a message has at most {MAX_TOKEN_BYTES} bytes of payload",
    fatal=True,
)


class Challenge:
    """What one connection has made of it so far."""

    __slots__ = ("_answering", "_deadline", "_failures")

    def __init__(self, too_late: Callable[[], object], seconds: float = AUTH_SECONDS) -> None:
        """`too_late` is called unless it is `over` before that."""
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(seconds, too_late)
        self._answering: asyncio.TimerHandle | None = None
        self._failures = 0

    def failed(self, answer: Callable[[Refusal], object]) -> None:
        """A token was wrong: have `answer` called with what is to be said, later."""
        delay = FIRST_DELAY_SECONDS * 2**self._failures
        self._failures += 1
        refusal = WRONG_TOKEN if self._failures < MAX_FAILURES else LAST_WRONG_TOKEN
        self._answering = asyncio.get_running_loop().call_later(delay, answer, refusal)

    def over(self) -> None:
        """It has said who it is, or is gone."""
        self._deadline.cancel()
        if self._answering is not None:
            self._answering.cancel()
