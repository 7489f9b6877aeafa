"""The socket under a connection to the server under test, for each kind of address.

Rule: it never blocks once it is open: a call that would wait raises
BlockingIOError, with TLS as without.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import replace
from typing import TYPE_CHECKING

from ether_protocol.client.core.options import ConnectOptions
from ether_protocol.client.transports.base import reason_of
from ether_protocol.client.transports.tcp import connect_socket
from ether_protocol.client.transports.unix import connect_unix
from ether_protocol.wire.address import Address, ServerAddress, TlsAddress
from ether_protocol.wire.messages import Buffer

from .verdicts import NoConnection, RuleSkipped

if TYPE_CHECKING:
    import ssl


class PlainWire:
    """A stream socket, over TCP or of Unix."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock

    def fileno(self) -> int:
        """The number of the socket, for `poll`."""
        return self._sock.fileno()

    def has_more(self) -> bool:
        """Whether bytes are here that `poll` does not know of."""
        return False

    def send(self, data: Buffer) -> int:
        """Send some of `data`; raises OSError."""
        return self._sock.send(data)

    def receive(self, most: int) -> bytes:
        """Receive up to `most` bytes, none at the end; raises OSError."""
        return self._sock.recv(most)

    def finish_sending(self) -> None:
        """Shut down the sending side."""
        self._sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close at once: the server sees a connection reset, if there is such a thing."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()

    def close(self) -> None:
        """Close.  May be called twice."""
        self._sock.close()


class TlsWire(PlainWire):
    """A TCP socket with TLS on it."""

    def __init__(self, sock: ssl.SSLSocket) -> None:
        import ssl

        super().__init__(sock)
        self._tls = sock
        self._would_wait = (ssl.SSLWantReadError, ssl.SSLWantWriteError)

    def has_more(self) -> bool:
        """Whether bytes are here that `poll` does not know of."""
        return bool(self._tls.pending())

    def send(self, data: Buffer) -> int:
        """Send some of `data`; after a BlockingIOError only the same bytes may come next."""
        try:
            return self._tls.send(data)
        except self._would_wait:
            raise BlockingIOError from None

    def receive(self, most: int) -> bytes:
        """Receive up to `most` bytes, none at the end; raises OSError."""
        try:
            return self._tls.recv(most)
        except self._would_wait:
            raise BlockingIOError from None

    def finish_sending(self) -> None:
        """Skip the rule: there is no such thing."""
        raise RuleSkipped("TLS has no half-closed connections")


def open_wire(address: ServerAddress, options: ConnectOptions, seconds: float) -> PlainWire:
    """Connect within `seconds`; raises NoConnection, and LocalProtocolError for a bad file."""
    options = replace(options, connect_timeout=seconds)
    try:
        if isinstance(address, TlsAddress):
            from ether_protocol.client.transports.tls import connect_tls

            return TlsWire(connect_tls(address, options))
        if isinstance(address, Address):
            return PlainWire(connect_socket(address, seconds))
        return PlainWire(connect_unix(address, seconds))
    except UnicodeError:
        raise NoConnection("this is not a host name") from None
    except OSError as error:
        raise NoConnection(reason_of(error)) from None
