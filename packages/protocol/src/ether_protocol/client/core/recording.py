"""Requests that are recorded to be sent together, and the result of each.

Rule: no socket; an error of one request stays with that request.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar, cast

from ether_protocol.wire import bodies
from ether_protocol.wire.address import Address
from ether_protocol.wire.bodies import BlockInfo, Hello
from ether_protocol.wire.constants import MAX_LIST_ENTRIES, MAX_PAYLOAD_BYTES, REPEATABLE, Command
from ether_protocol.wire.errors import ConnectionLost, EtherError, LocalProtocolError
from ether_protocol.wire.messages import AnyBuffer, Message, flat

from . import operations
from .operations import Operation, Page
from .small_requests import READ, SMALL_BYTES, SmallRequest
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

    def lost(self, address: Address, reason: str, *, in_time: bool = True) -> ConnectionLost:
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
        """As `Client.ping`.

        Args:
            payload: Up to 4 KiB.
        """
        return self._record(operations.ping(payload))

    def hello(self, name: str = "") -> Pending[Hello]:
        """As `Client.hello`.

        Args:
            name: The name of this client, at most 255 bytes of UTF-8.
        """
        return self._record(operations.hello(name))

    def stats(self) -> Pending[dict[str, int]]:
        """As `Client.stats`."""
        return self._record(operations.stats())

    def alloc(self, size: int, *, session: bool = False) -> Pending[int]:
        """As `Client.alloc`, but the result is the handle.

        Args:
            size: How many bytes, at least 1.
            session: Free the block when this connection ends.
        """
        return self._record(operations.alloc(size, session))

    def free(self, handle: int) -> Pending[None]:
        """As `Client.free`.

        Args:
            handle: The block.
        """
        return self._record(operations.free(handle))

    def realloc(self, handle: int, size: int) -> Pending[int]:
        """As `Client.realloc`.

        Args:
            handle: The block.
            size: The new size in bytes, at least 1.
        """
        return self._record(operations.realloc(handle, size))

    def info(self, handle: int) -> Pending[BlockInfo]:
        """As `Client.info`.

        Args:
            handle: The block.
        """
        return self._record(operations.info(handle))

    def list(self, after: int = 0, limit: int = MAX_LIST_ENTRIES) -> Pending[Page]:
        """As `Client.list`.

        Args:
            after: Only blocks with a higher handle.
            limit: The most blocks in the result.
        """
        return self._record(operations.list_(after, limit))

    def write(self, handle: int, data: AnyBuffer, offset: int = 0) -> Pending[int]:
        """As `Client.write`, for one message.

        Args:
            handle: The block.
            data: At most 16 MiB.  It must not change until the pipeline was executed.
            offset: Where to write, in bytes from the start of the block.

        Raises:
            LocalProtocolError: There are more than 16 MiB.
            TypeError: `data` has no buffer.
        """
        view = flat(data)
        if len(view) > SMALL_BYTES:
            _check_one_message(len(view))
            return self._record(operations.write(handle, view, offset))
        return self._record_small(SmallRequest(Command.WRITE, handle, len(view), offset, view))

    def read(self, handle: int, size: int, offset: int = 0) -> Pending[bytes]:
        """As `Client.read`, for one message.

        Args:
            handle: The block.
            size: How many bytes, at most 16 MiB.
            offset: Where to begin, in bytes from the start of the block.

        Raises:
            LocalProtocolError: `size` is more than 16 MiB.
        """
        if 0 < size <= SMALL_BYTES:
            return self._record_small(SmallRequest(Command.READ, handle, size, offset, b""))
        _check_one_message(size)
        return self._record(operations.read(handle, size, offset))

    def readinto(self, handle: int, buffer: AnyBuffer, offset: int = 0) -> Pending[int]:
        """As `Client.readinto`, for one message.

        Args:
            handle: The block.
            buffer: Where the bytes go, at most 16 MiB.
            offset: Where to begin, in bytes from the start of the block.

        Raises:
            LocalProtocolError: The buffer is longer than 16 MiB.
            TypeError: The buffer is read-only or not contiguous.
        """
        _check_one_message(memoryview(buffer).nbytes)
        return self._record(operations.readinto(handle, buffer, offset))

    def fill(self, handle: int, byte: int, offset: int, size: int) -> Pending[int]:
        """As `Client.fill`, for one message.

        Args:
            handle: The block.
            byte: The value of each byte, 0 to 255.
            offset: Where to begin, in bytes from the start of the block.
            size: How many bytes, at most 16 MiB.

        Raises:
            LocalProtocolError: `size` is more than 16 MiB, or `byte` is not a byte.
        """
        _check_one_message(size)
        return self._record(operations.fill(handle, byte, offset, size))

    def copy(
        self, source: int, source_offset: int, target: int, target_offset: int, size: int
    ) -> Pending[int]:
        """As `Client.copy`.

        Args:
            source: The block to copy from.
            source_offset: Where to begin there, in bytes.
            target: The block to copy to; it may be the same.
            target_offset: Where to write there, in bytes.
            size: How many bytes, at most 16 MiB.
        """
        return self._record(operations.copy(source, source_offset, target, target_offset, size))

    def compare_swap(
        self, handle: int, offset: int, expected: bytes, desired: bytes
    ) -> Pending[bytes]:
        """As `Client.compare_swap`.

        Args:
            handle: The block.
            offset: Where the 8 bytes are, in bytes from the start of the block.
            expected: The 8 bytes that must be there.
            desired: The 8 bytes to write.

        Raises:
            LocalProtocolError: `expected` or `desired` are not 8 bytes.
        """
        return self._record(operations.compare_swap(handle, offset, expected, desired))

    def fetch_add(self, handle: int, offset: int, delta: int) -> Pending[int]:
        """As `Client.fetch_add`.

        Args:
            handle: The block.
            offset: Where the number is, in bytes from the start of the block.
            delta: What to add, -2**63 to 2**63 - 1.

        Raises:
            LocalProtocolError: `delta` does not fit 64 bits.
        """
        return self._record(operations.fetch_add(handle, offset, delta))

    @contextmanager
    def _executing(self) -> Iterator[Sequence[Pending[Any]]]:
        """The recorded requests; they are forgotten at the end if they were begun.

        What was begun must not be sent a second time.
        """
        recorded = self._recorded
        try:
            yield recorded
        finally:
            if recorded and recorded[0].answered:
                self._recorded = []

    def _record(self, operation: Operation[_Value]) -> Pending[_Value]:
        (step,) = next(operation).steps
        pending = Pending(step, operation)
        self._recorded.append(pending)
        return pending

    def _record_small(self, request: SmallRequest) -> Pending[Any]:
        pending: Pending[Any] = Pending(request)
        self._recorded.append(pending)
        return pending


def _check_one_message(size: int) -> None:
    if size > MAX_PAYLOAD_BYTES:
        raise LocalProtocolError(
            f"a pipeline's requests are of at most {MAX_PAYLOAD_BYTES} bytes each"
        )
