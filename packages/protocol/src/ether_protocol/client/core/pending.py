"""The requests of a pipeline on their way, and the result of each.

Rule: no socket; an error of one request stays with that request.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Generic, TypeVar, cast

from ether_protocol.wire import bodies
from ether_protocol.wire.address import ServerAddress
from ether_protocol.wire.constants import REPEATABLE, Command
from ether_protocol.wire.errors import ConnectionLost, EtherError, LocalProtocolError
from ether_protocol.wire.messages import Message

from .operations import Operation
from .small_requests import READ, SmallRequest
from .transfer import Step, connection_lost, describe, outcome_unknown

_Value = TypeVar("_Value")


class Pending(Generic[_Value]):
    """The result of a request in a pipeline, once the pipeline was executed."""

    __slots__ = ("_error", "_operation", "_value", "answered", "request")

    def __init__(
        self, request: Step | SmallRequest, operation: Operation[_Value] | None = None
    ) -> None:
        self.request: Step | SmallRequest = request
        self.answered: bool = False
        """Whether there is a result or an error."""
        self._operation = operation
        self._value: _Value | None = None
        self._error: EtherError | None = None

    def __repr__(self) -> str:
        state = "not executed yet" if not self.answered else "answered"
        if self._error is not None:
            state = type(self._error).__name__
        return f"<Pending {self.message()}, {state}>"

    @property
    def error(self) -> EtherError | None:
        """What went wrong with this request; None if nothing did, or if it was not executed."""
        return self._error

    def result(self) -> _Value:
        """What the client's method of the same name returns.

        Raises:
            LocalProtocolError: The pipeline was not executed yet.
            EtherError: What the client's method of the same name raises.
        """
        if not self.answered:
            raise LocalProtocolError("the pipeline has not been executed yet")
        if self._error is not None:
            raise self._error
        return cast(_Value, self._value)

    def outcome(self) -> _Value | EtherError:
        """The result, or the error as a value.

        Raises:
            LocalProtocolError: The pipeline was not executed yet.
        """
        return self._error if self._error is not None else self.result()

    def settle(self, value: _Value) -> None:
        """Set the result.  The client calls this.

        Args:
            value: The result.
        """
        self._value = value
        self.answered = True

    def fail(self, error: EtherError) -> None:
        """Set the error.  The client calls this.

        Args:
            error: What went wrong.
        """
        self._error = error
        self.answered = True

    def take(self, reply: Message) -> None:
        """Set the result or the error from a reply.  The client calls this.

        Args:
            reply: The reply to this request.

        Raises:
            RemoteProtocolError: The reply has no meaning.
        """
        if reply.command == Command.ERROR:
            self.fail(bodies.decode_error(reply, describe(self.message())))
        elif self._operation is None:
            read = self.message().command == READ
            self.settle(cast(_Value, bytes(reply.payload) if read else reply.size))
        else:
            try:
                self._operation.send([reply])
            except StopIteration as end:
                self.settle(end.value)

    def lose(self, reason: str, *, sent: bool, in_time: bool = True) -> None:
        """Set the error for a connection that ended before the reply.  The client calls this.

        Args:
            reason: Why the connection ended.
            sent: Whether the request was sent, so that it may have been carried out.
            in_time: False if the server was silent for too long.
        """
        request = self.message()
        if sent and request.command not in REPEATABLE:
            self.fail(outcome_unknown(request, reason))
        else:
            text = f"{describe(request)}: lost the connection: {reason}"
            self.fail(connection_lost(text, in_time=in_time))

    def step(self) -> Step:
        """The request, and the buffer for the payload of its reply if there is one."""
        if isinstance(self.request, SmallRequest):
            return self.request.message(), None
        return self.request

    def message(self) -> Message:
        """The request."""
        return self.step()[0]

    @property
    def caller_buffer_id(self) -> int | None:
        """The id of a request whose reply goes into a buffer of the caller, else None."""
        if isinstance(self.request, SmallRequest) or self.request[1] is None:
            return None
        return self.request[0].request_id


def raise_first(outcomes: list[object]) -> None:
    """Raise the first of `outcomes` that is an error, so that none goes unseen."""
    for outcome in outcomes:
        if isinstance(outcome, EtherError):
            raise outcome


class RecordedExchange:
    """The recorded requests on their way: which are unsent, and which wait for a reply.

    For the asyncio channel it is an Exchange.  The blocking pipeline, which
    sends small requests without a message, moves them from `unsent` to
    `waiting` itself.
    """

    def __init__(self, recorded: Sequence[Pending[Any]]) -> None:
        self.unsent: deque[Pending[Any]] = deque(recorded)
        self.waiting: deque[Pending[Any]] = deque()
        self._count = len(recorded)

    @property
    def begun(self) -> bool:
        """Whether any request was given out to be sent."""
        return len(self.unsent) < self._count

    @property
    def may_send(self) -> bool:
        """Whether anything is left to send."""
        return bool(self.unsent)

    @property
    def finished(self) -> bool:
        """Whether every request has a result or an error."""
        return not self.waiting and not self.unsent

    @property
    def caller_buffer_ids(self) -> list[int]:
        """See Exchange."""
        ids = (pending.caller_buffer_id for pending in self.waiting)
        return [request_id for request_id in ids if request_id is not None]

    def rewind(self) -> None:
        """Nothing: a pipeline that was begun does not go on over another connection."""

    def next_step(self) -> Step | None:
        """What to send now."""
        if not self.unsent:
            return None
        pending = self.unsent.popleft()
        self.waiting.append(pending)
        return pending.step()

    def not_sent(self, error: LocalProtocolError | None = None) -> None:
        """See Exchange."""
        pending = self.waiting.pop()
        if error is None:
            self.unsent.appendleft(pending)
        else:
            pending.fail(error)

    def settle(self, values: Iterable[bytes | int]) -> None:
        """Set the results of the oldest requests, which are small READs and WRITEs."""
        oldest = self.waiting.popleft
        for value in values:
            oldest().settle(value)

    def take(self, reply: Message) -> None:
        """Take the reply to the oldest request; raises RemoteProtocolError as `Pending.take`."""
        self.waiting[0].take(reply)
        self.waiting.popleft()

    def lost(self, address: ServerAddress, reason: str, *, in_time: bool = True) -> ConnectionLost:
        """What the end means for each request; ConnectionLost is for all if none was sent."""
        if self.begun:
            self.lose(reason, in_time=in_time)
        return connection_lost(f"lost the connection to {address}: {reason}", in_time=in_time)

    def lose(self, reason: str, *, in_time: bool = True) -> None:
        """Tell every request without a reply that it will get none."""
        for pending in self.waiting:
            pending.lose(reason, sent=True, in_time=in_time)
        for pending in self.unsent:
            pending.lose(reason, sent=False, in_time=in_time)
        self.waiting.clear()
        self.unsent.clear()
