"""Unix sockets, for both clients.

Rule: the socket is the same stream socket as one of TCP, and nothing has to be
set on it.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ether_protocol.wire.address import UnixAddress

from .base import OpeningOptions
from .stream_socket import SocketTransport

if TYPE_CHECKING:
    import asyncio  # a blocking program does not load it


def open_unix(address: UnixAddress, options: OpeningOptions) -> SocketTransport:
    """Connect; raises OSError."""
    return SocketTransport(connect_unix(address, options.connect_timeout))


def connect_unix(address: UnixAddress, connect_timeout: float) -> socket.socket:
    """A connected socket; raises OSError."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.settimeout(connect_timeout)
        with _explained(address.path):
            sock.connect(address.path)
    except OSError:
        sock.close()
        raise
    return sock


async def open_unix_async(
    address: UnixAddress,
    _options: OpeningOptions,
    loop: asyncio.AbstractEventLoop,
    make_protocol: Callable[[], asyncio.BufferedProtocol],
) -> None:
    """Connect the protocol that `make_protocol` makes; raises OSError."""
    with _explained(address.path):
        await loop.create_unix_connection(make_protocol, address.path)


@contextmanager
def _explained(path: str) -> Iterator[None]:
    """Raise what the kernel says about `path` in words that tell the cases apart."""
    try:
        yield
    except OSError as error:
        words = _NOT_A_SOCKET if _is_something_else(path) else _REASONS.get(error.errno or 0)
        if words is None:
            raise
        raise OSError(words) from None


def _is_something_else(path: str) -> bool:
    try:
        return not stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


_NOT_A_SOCKET = "this is not a socket"
_REASONS = {
    errno.ENOENT: "there is no such socket",
    errno.ECONNREFUSED: "no server listens on this socket any more",
    errno.EACCES: "the permissions of this socket, or of its folder, keep you out",
}
"""What a number of the kernel means here."""
