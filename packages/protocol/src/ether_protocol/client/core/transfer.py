"""One batch of requests: what is sent next, and what the replies amount to.

Rule: decisions only, the same for every client; the owner of the connection
sends what `next_step` says and hands each reply to `take`, in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ether_protocol.wire import bodies
from ether_protocol.wire.address import ServerAddress
from ether_protocol.wire.constants import REPEATABLE, Command, command_name
from ether_protocol.wire.errors import (
    ConnectionLost,
    LocalProtocolError,
    OutcomeUnknown,
    ServerError,
    TimedOut,
)
from ether_protocol.wire.messages import Message

_WINDOW = 4
"""How many messages of a batch are in flight at once."""

Step = tuple[Message, memoryview | None]
"""A request, and where the payload of its reply goes."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Requests that are sent one after the other; `on_reply` is called with each OK reply."""

    steps: Sequence[Step]
    on_reply: Callable[[Message], None] | None = None


class Exchange(Protocol):
    """What a channel carries: it gives the next request, and takes the replies in order."""

    @property
    def may_send(self) -> bool:
        """Whether `next_step` would give one."""

    @property
    def finished(self) -> bool:
        """Whether nothing is left to send or to wait for."""

    @property
    def caller_buffer_ids(self) -> list[int]:
        """The ids of the requests in flight whose replies go into a buffer of the caller."""

    def rewind(self) -> None:
        """Begin with the first request that has no reply, for a new connection."""

    def next_step(self) -> Step | None:
        """What to send now, if anything."""

    def not_sent(self, error: LocalProtocolError | None = None) -> None:
        """Say that the last step was not sent; never will be, if `error` says why."""

    def take(self, reply: Message) -> None:
        """Take the reply to the oldest request."""

    def lost(
        self, address: ServerAddress, reason: str, *, in_time: bool = True
    ) -> ConnectionLost | OutcomeUnknown:
        """What the end of the connection means."""


class Transfer:
    """One batch, from its first request to its last reply.

    The result is the first error, in the order of the requests, if there is
    one.  After an error nothing more is sent, but the replies in flight are
    awaited, so that no reply is left for the next caller.  After a READ that came
    short, at the block's end, nothing more is sent either.
    """

    __slots__ = ("_batch", "_ended", "_error", "_next", "_waiting", "replies")

    def __init__(self, batch: Batch) -> None:
        self.replies: list[Message] = []
        self._batch = batch
        self._next = 0
        self._waiting: deque[Message] = deque()
        self._ended = False
        self._error: ServerError | LocalProtocolError | None = None

    @classmethod
    def in_flight(cls, request: Message) -> Transfer:
        """A batch of one `request` that was sent already."""
        transfer = cls(Batch([(request, None)]))
        transfer.next_step()
        return transfer

    def rewind(self) -> None:
        """Begin with the first request that has no reply, for a new connection."""
        self._next -= len(self._waiting)
        self._waiting.clear()

    @property
    def waiting(self) -> bool:
        """Whether a reply is still to come."""
        return bool(self._waiting)

    def next_step(self) -> Step | None:
        """What to send now; None if the window is full, and if nothing is left to send."""
        if not self.may_send:
            return None
        step = self._batch.steps[self._next]
        self._next += 1
        self._waiting.append(step[0])
        return step

    @property
    def caller_buffer_ids(self) -> list[int]:
        """See Exchange."""
        in_flight = self._batch.steps[self._next - len(self._waiting) : self._next]
        return [request.request_id for request, into in in_flight if into is not None]

    @property
    def may_send(self) -> bool:
        """Whether `next_step` would give one."""
        return (
            self._error is None
            and not self._ended
            and self._next < len(self._batch.steps)
            and len(self._waiting) < _WINDOW
        )

    @property
    def finished(self) -> bool:
        """Whether there is a result."""
        return not self._waiting and not self.may_send

    def not_sent(self, error: LocalProtocolError | None = None) -> None:
        """See Exchange."""
        self._waiting.pop()
        self._next -= 1
        self._error = error

    def take(self, reply: Message) -> None:
        """Take the reply to the oldest request.

        Raises RemoteProtocolError for an ERROR without a meaning.
        """
        request = self._waiting.popleft()
        if self._ended:
            return
        if reply.command != Command.ERROR:
            self.replies.append(reply)
            self._ended = request.command == Command.READ and len(reply.payload) < request.size
            if self._batch.on_reply is not None:
                self._batch.on_reply(reply)
        elif self._error is None or isinstance(self._error, LocalProtocolError):
            self._error = bodies.decode_error(reply, describe(request))

    def result(self) -> list[Message]:
        """All replies, once the transfer is finished; raises the first error."""
        if self._error is not None:
            raise self._error
        return self.replies

    @property
    def refused(self) -> ServerError | None:
        """The error of the server, if it has refused a request."""
        return self._error if isinstance(self._error, ServerError) else None

    def final_error(self, lost: ConnectionLost) -> ConnectionLost | OutcomeUnknown:
        """What `lost` means if it is final: a range may have been changed in part."""
        changed = len(self.replies)
        request = self._batch.steps[0][0] if changed else None
        if request is None or request.command in REPEATABLE:
            return lost
        return OutcomeUnknown(
            f"{describe(request)}: {changed} of {len(self._batch.steps)} messages"
            f" were carried out: {lost}"
        )

    def lost(
        self, address: ServerAddress, reason: str, *, in_time: bool = True
    ) -> ConnectionLost | OutcomeUnknown:
        """What the end of the connection means; `in_time` is false if the server was silent.

        ConnectionLost says that the rest may safely go over another connection.
        """
        changing = next((r for r in self._waiting if r.command not in REPEATABLE), None)
        if changing is not None:
            return outcome_unknown(changing, reason)
        return connection_lost(f"lost the connection to {address}: {reason}", in_time=in_time)


def outcome_unknown(request: Message, reason: str) -> OutcomeUnknown:
    """The error of a `request` that was sent, changes something, and has no reply."""
    return OutcomeUnknown(
        f"{describe(request)}: outcome unknown, the connection ended before the answer: {reason}"
    )


def connection_lost(text: str, *, in_time: bool) -> ConnectionLost:
    """The error of other requests without a reply; `in_time` is false if the server was silent."""
    return ConnectionLost(text) if in_time else TimedOut(text)


def describe(request: Message) -> str:
    """The request as an error names it: command, handle and range."""
    text = command_name(request.command)
    if request.handle:
        text += f" handle {request.handle}"
    if request.command in (Command.READ, Command.WRITE, Command.FILL, Command.COPY):
        size = len(request.payload) if request.command == Command.WRITE else request.size
        text += f" [{request.offset}:{request.offset + size}]"
    return text
