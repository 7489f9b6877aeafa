"""Requests that are recorded to be sent in one go, and what each is answered.

Rule: no socket; a request's error stays with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Generic, TypeVar, cast

from ether_protocol.wire import bodies
from ether_protocol.wire.address import Address
from ether_protocol.wire.bodies import BlockInfo, Hello
from ether_protocol.wire.constants import MAX_LIST_ENTRIES, MAX_PAYLOAD_BYTES, REPEATABLE, Command
from ether_protocol.wire.errors import ConnectionLost, EtherError, LocalProtocolError
from ether_protocol.wire.messages import AnyBuffer, Message, byte_view

from . import operations
from .operations import Operation, Page
from .small_requests import PLAIN_BYTES, Plain
from .transfer import Step, connection_lost, doing, outcome_unknown

_Value = TypeVar("_Value")


class Pending(Generic[_Value]):
    """What a recorded request will have been answered."""

    __slots__ = ("_error", "_operation", "_value", "answered", "request")

    def __init__(self, request: Step | Plain, operation: Operation[_Value] | None = None) -> None:
        self.request: Step | Plain = request
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
        """What went wrong with this request, None if nothing did."""
        return self._error

    def result(self) -> _Value:
        """What the client's method of the same name returns, or raises.

        Raises LocalProtocolError before the pipeline was executed.
        """
        if not self.answered:
            raise LocalProtocolError("the pipeline has not been executed yet")
        if self._error is not None:
            raise self._error
        return cast(_Value, self._value)

    def outcome(self) -> _Value | EtherError:
        """The result, or the error as a value."""
        return self._error if self._error is not None else self.result()

    def settle(self, value: _Value) -> None:
        """Have `value` be the result."""
        self._value = value
        self.answered = True

    def fail(self, error: EtherError) -> None:
        """Have `error` be what went wrong."""
        self._error = error
        self.answered = True

    def take(self, reply: Message) -> None:
        """Take the reply; raises RemoteProtocolError where it makes no sense."""
        if reply.command == Command.ERROR:
            self.fail(bodies.decode_error(reply, doing(self.message())))
        elif self._operation is None:
            read = self.message().command == Command.READ
            self.settle(cast(_Value, bytes(reply.payload) if read else reply.size))
        else:
            try:
                self._operation.send([reply])
            except StopIteration as end:
                self.settle(end.value)

    def lose(self, reason: str, *, sent: bool, in_time: bool = True) -> None:
        """Say that the connection ended before the reply; see `Transfer.lost`."""
        request = self.message()
        if sent and request.command not in REPEATABLE:
            self.fail(outcome_unknown(request, reason))
        else:
            self.fail(
                connection_lost(f"{doing(request)}: lost the connection: {reason}", in_time=in_time)
            )

    def step(self) -> Step:
        """The request, and where the payload of its reply goes."""
        return (self.request.message(), None) if isinstance(self.request, Plain) else self.request

    def message(self) -> Message:
        """The request."""
        return self.step()[0]


def raise_first(outcomes: list[object]) -> None:
    """Raise the first of `outcomes` that is an error: none is to go unseen."""
    for outcome in outcomes:
        if isinstance(outcome, EtherError):
            raise outcome


def lose_all(
    waiting: Iterable[Pending[Any]],
    unsent: Iterable[Pending[Any]],
    reason: str,
    *,
    in_time: bool = True,
) -> None:
    """Say of requests that were sent, and of those that were not, that they have no answer."""
    for pending in waiting:
        pending.lose(reason, sent=True, in_time=in_time)
    for pending in unsent:
        pending.lose(reason, sent=False, in_time=in_time)


class Recording:
    """What was recorded, as traffic of an asyncio channel."""

    def __init__(self, recorded: Sequence[Pending[Any]]) -> None:
        self._recorded = recorded
        self._next = 0
        self._waiting: deque[tuple[Pending[Any], Step]] = deque()

    @property
    def may_send(self) -> bool:
        """Whether anything is left to send."""
        return self._next < len(self._recorded)

    @property
    def finished(self) -> bool:
        """Whether every request is answered."""
        return not self._waiting and not self.may_send

    @property
    def lent(self) -> list[int]:
        """See `Traffic`."""
        steps = (step for _, step in self._waiting)
        return [request.request_id for request, into in steps if into is not None]

    def rewind(self) -> None:
        """Nothing: a pipeline that has begun does not go on over another connection."""

    def next_step(self) -> Step | None:
        """What to send now."""
        if not self.may_send:
            return None
        pending = self._recorded[self._next]
        self._next += 1
        step = pending.step()
        self._waiting.append((pending, step))
        return step

    def not_sent(self, error: LocalProtocolError | None = None) -> None:
        """See `Traffic`."""
        pending, _ = self._waiting.pop()
        if error is None:
            self._next -= 1
        else:
            pending.fail(error)

    def take(self, reply: Message) -> None:
        """Take the reply to the oldest request; raises RemoteProtocolError as `Pending.take`."""
        self._waiting[0][0].take(reply)
        self._waiting.popleft()

    def lost(self, address: Address, reason: str, *, in_time: bool = True) -> ConnectionLost:
        """What the end means for each; ConnectionLost, which is for all where none was sent."""
        if self._next:
            self.lose(reason, in_time=in_time)
        return connection_lost(f"lost the connection to {address}: {reason}", in_time=in_time)

    def lose(self, reason: str, *, in_time: bool = True) -> None:
        """Say of every request without an answer that it will have none."""
        waiting = [pending for pending, _ in self._waiting]
        lose_all(waiting, self._recorded[self._next :], reason, in_time=in_time)


class Recorder:
    """The verbs of a pipeline: each records a request of one message and promises its result."""

    def __init__(self) -> None:
        self._recorded: list[Pending[Any]] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)} requests>"

    def __len__(self) -> int:
        """How many requests were recorded and not executed."""
        return len(self._recorded)

    def ping(self, payload: AnyBuffer = b"") -> Pending[bytes]:
        """As `Client.ping`."""
        return self._record(operations.ping(payload))

    def hello(self, name: str = "") -> Pending[Hello]:
        """As `Client.hello`."""
        return self._record(operations.hello(name))

    def stats(self) -> Pending[dict[str, int]]:
        """As `Client.stats`."""
        return self._record(operations.stats())

    def alloc(self, size: int, *, session: bool = False) -> Pending[int]:
        """As `Client.alloc`, but the result is the handle."""
        return self._record(operations.alloc(size, session))

    def free(self, handle: int) -> Pending[None]:
        """As `Client.free`."""
        return self._record(operations.free(handle))

    def realloc(self, handle: int, size: int) -> Pending[int]:
        """As `Client.realloc`."""
        return self._record(operations.realloc(handle, size))

    def info(self, handle: int) -> Pending[BlockInfo]:
        """As `Client.info`."""
        return self._record(operations.info(handle))

    def list(self, after: int = 0, limit: int = MAX_LIST_ENTRIES) -> Pending[Page]:
        """As `Client.list`."""
        return self._record(operations.list_(after, limit))

    def write(self, handle: int, data: AnyBuffer, offset: int = 0) -> Pending[int]:
        """As `Client.write`, of at most 16 MiB; `data` must not change until it was executed."""
        view = byte_view(data)
        if len(view) > PLAIN_BYTES:
            _see_that_it_is_one_message(len(view))
            return self._record(operations.write(handle, view, offset))
        return self._record_plain(Plain(Command.WRITE, handle, len(view), offset, view))

    def read(self, handle: int, size: int, offset: int = 0) -> Pending[bytes]:
        """As `Client.read`, of at most 16 MiB."""
        if 0 < size <= PLAIN_BYTES:
            return self._record_plain(Plain(Command.READ, handle, size, offset, b""))
        _see_that_it_is_one_message(size)
        return self._record(operations.read(handle, size, offset))

    def readinto(self, handle: int, buffer: AnyBuffer, offset: int = 0) -> Pending[int]:
        """As `Client.readinto`, of at most 16 MiB."""
        _see_that_it_is_one_message(memoryview(buffer).nbytes)
        return self._record(operations.readinto(handle, buffer, offset))

    def fill(self, handle: int, byte: int, offset: int, size: int) -> Pending[int]:
        """As `Client.fill`, of at most 16 MiB."""
        _see_that_it_is_one_message(size)
        return self._record(operations.fill(handle, byte, offset, size))

    def copy(
        self, source: int, source_offset: int, target: int, target_offset: int, size: int
    ) -> Pending[int]:
        """As `Client.copy`."""
        return self._record(operations.copy(source, source_offset, target, target_offset, size))

    def compare_swap(
        self, handle: int, offset: int, expected: bytes, desired: bytes
    ) -> Pending[bytes]:
        """As `Client.compare_swap`."""
        return self._record(operations.compare_swap(handle, offset, expected, desired))

    def fetch_add(self, handle: int, offset: int, delta: int) -> Pending[int]:
        """As `Client.fetch_add`."""
        return self._record(operations.fetch_add(handle, offset, delta))

    def _record(self, operation: Operation[_Value]) -> Pending[_Value]:
        (step,) = next(operation).steps
        pending = Pending(step, operation)
        self._recorded.append(pending)
        return pending

    def _record_plain(self, plain: Plain) -> Pending[Any]:
        pending: Pending[Any] = Pending(plain)
        self._recorded.append(pending)
        return pending


def _see_that_it_is_one_message(size: int) -> None:
    if size > MAX_PAYLOAD_BYTES:
        raise LocalProtocolError(
            f"a pipeline's requests are of at most {MAX_PAYLOAD_BYTES} bytes each"
        )
