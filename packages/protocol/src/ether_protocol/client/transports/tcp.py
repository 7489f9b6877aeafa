"""TCP connections, for both clients.

Rule: a new connection sends at once: no Nagle, and no pacing over loopback.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from ether_protocol.sockets import do_not_pace
from ether_protocol.wire.address import Address

from .base import OpeningOptions, TransportKind
from .stream_socket import SocketTransport

if TYPE_CHECKING:
    import asyncio  # a blocking program does not load it


def open_tcp(address: Address, options: OpeningOptions) -> SocketTransport:
    """Connect; raises OSError, or UnicodeError for an impossible host name."""
    return SocketTransport(connect_socket(address, options.connect_timeout))


def connect_socket(address: Address, connect_timeout: float) -> socket.socket:
    """A connected socket that sends at once; raises as `open_tcp` does."""
    sock = socket.create_connection((address.host, address.port), connect_timeout)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        do_not_pace(sock)
    except OSError:  # reset already
        sock.close()
        raise
    return sock


async def open_tcp_async(
    address: Address,
    _options: OpeningOptions,
    loop: asyncio.AbstractEventLoop,
    make_protocol: Callable[[], asyncio.BufferedProtocol],
) -> None:
    """Connect the protocol that `make_protocol` makes; raises as `open_tcp` does."""
    transport, _ = await loop.create_connection(make_protocol, address.host, address.port)
    sock = transport.get_extra_info("socket")
    if sock is not None:
        do_not_pace(sock)


TCP = TransportKind(open_tcp, open_tcp_async)
