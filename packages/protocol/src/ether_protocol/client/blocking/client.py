"""The blocking client: one method a verb.

Rule: `operations` says what a verb means, `reconnecting` gets it to the server;
here it has its name, its arguments and its documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import NoReturn, Self, TypeVar

from ether_protocol.client.core import operations
from ether_protocol.client.core.fork_safety import not_pickled
from ether_protocol.client.core.operations import Operation, Page, Progress
from ether_protocol.client.core.options import ConnectOptions
from ether_protocol.client.core.retry import DEFAULT_RETRY, Retry
from ether_protocol.client.core.small_requests import READ, SMALL_BYTES, WRITE
from ether_protocol.client.core.token import FilePath
from ether_protocol.client.core.tracing import Trace
from ether_protocol.wire.address import ServerAddress, as_address
from ether_protocol.wire.bodies import BlockInfo, Hello
from ether_protocol.wire.constants import MAX_LIST_ENTRIES
from ether_protocol.wire.messages import AnyBuffer, Message, byte_view

from .block import Block
from .pipeline import Pipeline
from .reconnecting import ReconnectingChannel

_Value = TypeVar("_Value")


def connect(
    address: str | ServerAddress = "localhost",
    *,
    name: str = "",
    connect_timeout: float = 5.0,
    timeout: float | None = 30.0,
    retry: Retry | None = DEFAULT_RETRY,
    trace: Trace | None = None,
    token: str | bytes | None = None,
    token_file: FilePath | None = None,
    tls_ca: FilePath | None = None,
    tls_cert: FilePath | None = None,
    tls_key: FilePath | None = None,
    tls_insecure: bool = False,
) -> Client:
    """Connect to a server.

    Args:
        address: `HOST`, `HOST:PORT`, `ethers://HOST:PORT` for TLS, or the path of a
            Unix socket, as text (see `parse_address`) or as an address.
        name: What the server is told as the name of this client, at most 255 bytes.
        connect_timeout: How long connecting may take, in seconds.
        timeout: The longest silence of the server while a request is in flight,
            in seconds; None is no limit.
        retry: How often to connect again when the connection is lost.  With
            None a lost connection is the end of the client, and the server is
            not asked what it is, unless there is a token for it.
        trace: Called with every message, sent or received.
        token: What the server knows this client by.  It is sent only to a
            server that asks for one.
        token_file: The file that holds the token, read at each connection, so
            that a new token is found.
        tls_ca: For `ethers://`: a file with the certificates, in the form PEM,
            of the authorities to trust in place of the system's.
        tls_cert: For `ethers://`: a file with the certificate of this client.
        tls_key: The file with the key of `tls_cert`, if that does not have it.
        tls_insecure: For `ethers://`: accept every certificate.  Whoever is on
            the way can read and change everything then.

    Returns:
        A client, connected.

    Raises:
        ConnectionLost: Nobody answers at this address.
        RemoteProtocolError: What answers is not an Ether server.
        ServerError: The server refuses this client, for example ServerBusy;
            Unauthenticated if it wants another token, or one at all.
        LocalProtocolError: `name` is too long, or a file can't be used.
        ValueError: `address` is not an address, a time is not above 0, or
            options do not fit together.

    See "Connections" in docs/protocol.md.
    """
    options = ConnectOptions(
        name=name,
        connect_timeout=connect_timeout,
        timeout=timeout,
        retry=retry,
        trace=trace,
        token=token,
        token_file=token_file,
        tls_ca=tls_ca,
        tls_cert=tls_cert,
        tls_key=tls_key,
        tls_insecure=tls_insecure,
    )
    where = as_address(address)
    options.check_for(where)
    return Client(ReconnectingChannel(where, options))


class Client:
    """Remote memory: one method for each command, one request at a time.

    A client is for one thread at a time; a `Pool` has one for each thread.
    When the connection ends, the client connects again.  A request that changes
    nothing is then sent again.  In the child of a fork, the client connects
    anew with its first request and leaves the connection of its parent alone.

    `connect` makes clients.  As a context manager a client is closed at the end.

    Raises:
        ServerError: The server refused the request, which changed nothing: NotFound,
            OutOfRange and others.  The client goes on.
        ConnectionLost: There is no connection, and the request changed nothing.
        TimedOut: A ConnectionLost: the server was silent for too long.
        ServerRestarted: A ConnectionLost: the server has other blocks now, every
            handle is invalid, and the client is closed.
        OutcomeUnknown: The connection ended after a request was sent that changes
            something; it may have been carried out.
        RemoteProtocolError: The server does not follow the protocol.
        LocalProtocolError: An argument does not fit its field, or another thread
            is using the client.  Nothing was sent.

    Every method may raise these.

    See "What a client does with a fault" in docs/protocol.md.
    """

    def __init__(self, connection: ReconnectingChannel) -> None:
        self._connection = connection

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise not_pickled()

    def __repr__(self) -> str:
        state = "closed" if self.closed else "connected" if self.connected else "disconnected"
        return f"<Client of {self.address}, {state}>"

    @property
    def address(self) -> ServerAddress:
        """Where the server is."""
        return self._connection.channel.address

    @property
    def server(self) -> Hello | None:
        """What the server said about itself at the last connection; None if it was not asked."""
        return self._connection.server

    @property
    def connected(self) -> bool:
        """Whether there is a connection, as far as is known without asking."""
        return not self._connection.channel.closed

    @property
    def closed(self) -> bool:
        """Whether every later request fails: closed, or lost without a `retry`."""
        return self._connection.closed

    def close(self) -> None:
        """Close the client.  Its blocks stay, except SESSION blocks.  May be called twice."""
        self._connection.close()

    def trace(self, hook: Trace | None) -> None:
        """Call a hook with every message from now on.

        It is not shown the HELLO with which the client connects again.

        Args:
            hook: Called with each message; None ends the trace.

        Raises:
            LocalProtocolError: Another thread is using the client.
        """
        self._connection.trace(hook)

    def perform(self, operation: Operation[_Value]) -> _Value:
        """Carry out an operation of `ether_protocol.client.core`; the other methods call this.

        Args:
            operation: What to carry out.

        Returns:
            The value of the operation.
        """
        return self._connection.perform(operation)

    # One method for each command, in the order of docs/protocol.md.

    def ping(self, payload: AnyBuffer = b"") -> bytes:
        """Send `payload` to the server and get it back.

        Args:
            payload: Up to 4 KiB.

        Returns:
            The same bytes.

        Raises:
            TooLarge: `payload` is longer.

        See "Commands" in docs/protocol.md.
        """
        return self.perform(operations.ping(payload))

    def hello(self, name: str = "") -> Hello:
        """Tell the server a name, and ask what it is.

        Args:
            name: The name of this client, at most 255 bytes of UTF-8.

        Returns:
            The server's name, version, limits and features.

        Raises:
            LocalProtocolError: `name` is too long.

        See "Commands" in docs/protocol.md.
        """
        return self.perform(operations.hello(name))

    def stats(self) -> dict[str, int]:
        """The server's counters, by name.

        See "Commands" in docs/protocol.md.
        """
        return self.perform(operations.stats())

    def alloc(self, size: int, *, session: bool = False) -> Block:
        """Allocate a block of zeroed bytes.

        A `session` block is freed when the connection that made it ends, also when the
        client connects again by itself, for example after a Ctrl-C.

        Args:
            size: How many bytes, at least 1.
            session: Free the block when this connection ends.

        Returns:
            The block.

        Raises:
            NoMemory: The server's memory limit or handle limit is reached.
            InvalidRequest: `size` is 0.

        See "Commands" in docs/protocol.md.
        """
        return Block(self, self.perform(operations.alloc(size, session)))

    def block(self, handle: int) -> Block:
        """The block that a handle names.

        Any client may have allocated it.  The server is not asked.

        Args:
            handle: A handle of this server.
        """
        return Block(self, handle)

    def free(self, handle: int) -> None:
        """Free a block and wipe its bytes.

        Args:
            handle: The block.

        Raises:
            NotFound: No block has this handle.

        See "Commands" in docs/protocol.md.
        """
        self.perform(operations.free(handle))

    def realloc(self, handle: int, size: int) -> int:
        """Resize a block.

        What it held stays; bytes that are added are zeroed.

        Args:
            handle: The block.
            size: The new size in bytes, at least 1.

        Returns:
            The new size in bytes.

        Raises:
            NotFound: No block has this handle.
            NoMemory: The server's memory limit is reached.
            InvalidRequest: `size` is 0.

        See "Commands" in docs/protocol.md.
        """
        return self.perform(operations.realloc(handle, size))

    def info(self, handle: int) -> BlockInfo:
        """Size, flags and time of creation of a block.

        Args:
            handle: The block.

        Raises:
            NotFound: No block has this handle.

        See "Commands" in docs/protocol.md.
        """
        return self.perform(operations.info(handle))

    def list(self, after: int = 0, limit: int = MAX_LIST_ENTRIES) -> Page:
        """One page of the blocks that exist.

        Args:
            after: Only blocks with a higher handle.
            limit: The most blocks in the page.

        Returns:
            How many blocks exist, and (handle, size in bytes) of each in the page, in the
            order of handles.

        See "Commands" in docs/protocol.md.
        """
        return self.perform(operations.list_(after, limit))

    def blocks(self) -> Iterator[tuple[int, int]]:
        """(handle, size in bytes) of every block, in the order of handles.

        They are asked for page by page.

        See "Commands" in docs/protocol.md.
        """
        after = 0
        while page := self.list(after)[1]:
            yield from page
            after = page[-1][0]

    def write(
        self, handle: int, data: AnyBuffer, offset: int = 0, *, progress: Progress | None = None
    ) -> int:
        """Write bytes into a block.

        Up to 16 MiB it is all or nothing.  More goes in several messages, each of which
        is all or nothing.

        Args:
            handle: The block.
            data: Any object with a buffer.
            offset: Where to write, in bytes from the start of the block.
            progress: Called with the bytes done and the bytes in all, after every message.

        Returns:
            How many bytes were written.

        Raises:
            NotFound: No block has this handle.
            OutOfRange: The range is not inside the block.
            OutcomeUnknown: The connection ended; some or all may have been written.
            TypeError: `data` has no buffer.

        See "What a block promises" in docs/protocol.md.
        """
        view = data if isinstance(data, bytes) else byte_view(data)
        if len(view) <= SMALL_BYTES and progress is None and not self._connection.channel.traced:
            count = self._connection.perform_small(WRITE, handle, len(view), offset, view)
            if isinstance(count, int):
                return count
        return self.perform(operations.write(handle, view, offset, progress))

    def read(
        self,
        handle: int,
        size: int | None = None,
        offset: int = 0,
        *,
        progress: Progress | None = None,
    ) -> bytes:
        """Read bytes from a block.

        Up to 16 MiB come in one message, as they were at one moment.  More comes in several.

        Args:
            handle: The block.
            size: How many bytes; None means to the end of the block.
            offset: Where to begin, in bytes from the start of the block.
            progress: Called with the bytes done and the bytes in all, after every message.

        Returns:
            The bytes, fewer than `size` if the block ends earlier.

        Raises:
            NotFound: No block has this handle.
            OutOfRange: `offset` is past the end of the block.

        See "What a block promises" in docs/protocol.md.
        """
        if (
            size
            and size <= SMALL_BYTES
            and progress is None
            and not self._connection.channel.traced
        ):
            data = self._connection.perform_small(READ, handle, size, offset, b"")
            if isinstance(data, bytes):
                return data
        return self.perform(operations.read(handle, size, offset, progress))

    def readinto(
        self,
        handle: int,
        buffer: AnyBuffer,
        offset: int = 0,
        *,
        progress: Progress | None = None,
    ) -> int:
        """Read from a block into a buffer, without a copy.

        Args:
            handle: The block.
            buffer: As many bytes are read as it holds.
            offset: Where to begin, in bytes from the start of the block.
            progress: Called with the bytes done and the bytes in all, after every message.

        Returns:
            How many bytes were read, fewer if the block ends earlier.

        Raises:
            NotFound: No block has this handle.
            OutOfRange: `offset` is past the end of the block.
            TypeError: The buffer is read-only or not contiguous.

        See "What a block promises" in docs/protocol.md.
        """
        return self.perform(operations.readinto(handle, buffer, offset, progress))

    def fill(
        self,
        handle: int,
        byte: int,
        offset: int = 0,
        size: int | None = None,
        *,
        progress: Progress | None = None,
    ) -> int:
        """Set bytes of a block to one value.

        Args:
            handle: The block.
            byte: The value of each byte, 0 to 255.
            offset: Where to begin, in bytes from the start of the block.
            size: How many bytes; None means to the end of the block.
            progress: Called with the bytes done and the bytes in all, after every message.

        Returns:
            How many bytes were set.

        Raises:
            NotFound: No block has this handle.
            OutOfRange: The range is not inside the block.
            LocalProtocolError: `byte` is not a byte.

        See "Commands" in docs/protocol.md.
        """
        return self.perform(operations.fill(handle, byte, offset, size, progress))

    def copy(
        self,
        source: int,
        source_offset: int,
        target: int,
        target_offset: int,
        size: int | None = None,
    ) -> int:
        """Copy bytes between blocks or within one; the ranges may overlap.

        The bytes do not leave the server.

        Args:
            source: The block to copy from.
            source_offset: Where to begin there, in bytes.
            target: The block to copy to; it may be the same.
            target_offset: Where to write there, in bytes.
            size: How many bytes, at most 16 MiB; None means to the end of the source.

        Returns:
            How many bytes were copied.

        Raises:
            NotFound: There is no such block.
            OutOfRange: A range is not inside its block; nothing was changed.
            TooLarge: `size` is more than 16 MiB.

        See "Commands" in docs/protocol.md.
        """
        return self.perform(operations.copy(source, source_offset, target, target_offset, size))

    def compare_swap(self, handle: int, offset: int, expected: bytes, desired: bytes) -> bytes:
        """Replace 8 bytes if they are what is expected, in one step.

        Args:
            handle: The block.
            offset: Where the 8 bytes are, in bytes from the start of the block.
            expected: The 8 bytes that must be there.
            desired: The 8 bytes to write.

        Returns:
            The 8 bytes that were there; equal to `expected` if they were replaced.

        Raises:
            NotFound: No block has this handle.
            OutOfRange: The 8 bytes are not inside the block.
            LocalProtocolError: `expected` or `desired` are not 8 bytes.

        See "Commands" in docs/protocol.md.
        """
        return self.perform(operations.compare_swap(handle, offset, expected, desired))

    def fetch_add(self, handle: int, offset: int, delta: int) -> int:
        """Add to a number of 8 bytes, in one step.

        The number is unsigned and big-endian, and wraps at 2**64.

        Args:
            handle: The block.
            offset: Where the number is, in bytes from the start of the block.
            delta: What to add, -2**63 to 2**63 - 1.

        Returns:
            The number that was there before.

        Raises:
            NotFound: No block has this handle.
            OutOfRange: The 8 bytes are not inside the block.
            LocalProtocolError: `delta` does not fit 64 bits.

        See "Commands" in docs/protocol.md.
        """
        return self.perform(operations.fetch_add(handle, offset, delta))

    def call(self, request: Message) -> Message:
        """Send any request and return its reply.

        Args:
            request: A message; its id is set here.

        Raises:
            ServerError: The server refused the request.
            LocalProtocolError: The message does not fit its fields.

        See "Headers" in docs/protocol.md.
        """
        return self.perform(operations.call(request))

    def pipeline(self) -> Pipeline:
        """Requests to be sent together, with a result or an error for each."""
        return Pipeline(self._connection.with_channel)
