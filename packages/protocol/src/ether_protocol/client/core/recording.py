"""The verbs of a pipeline: each records a request, to be sent together with the others.

Rule: a request is one message; what is sent, and when, is not decided here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from ether_protocol.wire.bodies import BlockInfo, Hello
from ether_protocol.wire.constants import MAX_LIST_ENTRIES, MAX_PAYLOAD_BYTES, Command
from ether_protocol.wire.errors import LocalProtocolError
from ether_protocol.wire.messages import AnyBuffer, byte_view

from . import operations
from .operations import Operation, Page
from .pending import Pending
from .small_requests import SMALL_BYTES, SmallRequest

_Value = TypeVar("_Value")


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
        view = byte_view(data)
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
        """The requests recorded so far; they come back at the end if none was begun.

        What was begun must not be sent a second time.  What another task
        records meanwhile is for the next execution.
        """
        recorded, self._recorded = self._recorded, []
        try:
            yield recorded
        finally:
            if recorded and not recorded[0].answered:
                self._recorded[:0] = recorded

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
