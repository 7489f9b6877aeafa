"""What every kind of connection has in common: the interface, and the words for its errors.

Rule: a client knows a connection by this interface only; what is special about
one kind stays in the file of that kind.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar

from ether_protocol.wire.address import ServerAddress
from ether_protocol.wire.errors import ConnectionLost
from ether_protocol.wire.messages import Buffer

if TYPE_CHECKING:
    import asyncio  # a blocking program does not load it


class BlockingTransport(Protocol):
    """An open connection of a blocking client; methods raise OSError unless they say otherwise."""

    def close(self) -> None:
        """Close the connection.  May be called twice."""

    def interrupt(self) -> None:
        """End the connection under a thread that is sending or receiving; raises nothing."""

    def limit_silence(self, seconds: float | None) -> None:
        """Let each later call wait at most `seconds` for the other side; None is no limit."""

    def has_ended(self) -> bool:
        """Whether the server has closed already; asked before a request is sent."""

    def send(self, data: Buffer) -> int:
        """Send some of `data`, waiting if necessary; returns how many bytes."""

    def send_all(self, data: Buffer) -> None:
        """Send all of `data`; the limit is for each silence, not for the whole."""

    def send_while_receiving(self, data: Buffer, receive: Callable[[], object]) -> None:
        """Send all of `data`; call `receive` when bytes arrive while the server takes none.

        A server stops reading while its replies are not taken.  A client that
        sends much before it reads must therefore do both.  Raises TransportError.
        """

    def receive_into(self, room: memoryview) -> int:
        """Receive once, waiting if necessary; returns how many bytes, 0 at the end."""

    def receive_whole(self, size: int) -> bytes:
        """Receive `size` bytes; fewer if the connection ends or is silent too long."""


FilePath: TypeAlias = str | os.PathLike[str]
"""The name of a file."""


class OpeningOptions(Protocol):
    """What opening a connection depends on, besides the address: a part of ConnectOptions."""

    @property
    def connect_timeout(self) -> float:
        """How long connecting may take, in seconds."""

    @property
    def tls_ca(self) -> FilePath | None:
        """The file with the certificates of the authorities that are trusted."""

    @property
    def tls_cert(self) -> FilePath | None:
        """The file with the certificate of this client."""

    @property
    def tls_key(self) -> FilePath | None:
        """The file with the private key of `tls_cert`, if that does not have it."""

    @property
    def tls_insecure(self) -> bool:
        """Whether any certificate is accepted."""


_Address = TypeVar("_Address", bound=ServerAddress)

OpenBlocking: TypeAlias = Callable[[_Address, OpeningOptions], BlockingTransport]
"""Connects to an address in time; raises OSError or UnicodeError."""

OpenAsync: TypeAlias = Callable[
    [
        _Address,
        OpeningOptions,
        "asyncio.AbstractEventLoop",
        Callable[[], "asyncio.BufferedProtocol"],
    ],
    Coroutine[None, None, None],
]
"""Connects to an address, and connects the protocol that the factory makes to it."""


@dataclass(frozen=True, slots=True)
class TransportKind(Generic[_Address]):
    """One kind of connection: how each client opens it."""

    open_blocking: OpenBlocking[_Address]
    open_async: OpenAsync[_Address]


class TransportError(Exception):
    """The connection failed.  Not an OSError, because a trace hook may raise one of those.

    `reason` says why; `in_time` is false if the server was silent for too long.
    """

    def __init__(self, error: OSError) -> None:
        self.reason: str = reason_of(error)
        self.in_time: bool = not timed_out(error)


@contextmanager
def connecting(address: ServerAddress) -> Iterator[None]:
    """Turn an error while connecting to `address` into ConnectionLost."""
    try:
        yield
    except OSError as error:  # TimeoutError is one
        raise ConnectionLost(f"can't connect to {address}: {reason_of(error)}") from None
    except UnicodeError:  # the codec of host names
        raise ConnectionLost(f"can't connect to {address}: this is not a host name") from None


def reason_of(error: OSError) -> str:
    """What went wrong, in words."""
    if timed_out(error):
        return "no answer in time"
    if hasattr(error, "library"):  # an error of `ssl`, which need not be imported to know it
        from .tls_reasons import tls_reason

        return tls_reason(error)
    if error.errno is not None and error.errno > 0:  # asyncio has texts of its own, with a tuple
        return os.strerror(error.errno)
    return error.strerror or str(error) or type(error).__name__


def timed_out(error: OSError) -> bool:
    """Whether the other side was silent for too long.

    A blocking call that the kernel ends for its time limit reports BlockingIOError.
    """
    return isinstance(error, TimeoutError | BlockingIOError)


def closed_by_server() -> OSError:
    """The error for a connection that the server has closed."""
    return ConnectionResetError("the server closed the connection")
