"""Which kind of connection an address asks for.

Rule: one table; a new kind is a file beside this one and a line in it.  Only
TCP is imported before it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ether_protocol.wire.address import Address, ServerAddress, TlsAddress, UnixAddress

from .base import BlockingTransport, OpeningOptions, TransportKind
from .tcp import TCP

if TYPE_CHECKING:
    import asyncio  # a blocking program does not load it


def _open_tls(address: TlsAddress, options: OpeningOptions) -> BlockingTransport:
    from .tls import open_tls  # `ssl` takes longer to import than all the rest of a client

    return open_tls(address, options)


async def _open_tls_async(
    address: TlsAddress,
    options: OpeningOptions,
    loop: asyncio.AbstractEventLoop,
    make_protocol: Callable[[], asyncio.BufferedProtocol],
) -> None:
    from .tls import open_tls_async

    await open_tls_async(address, options, loop, make_protocol)


def _open_unix(address: UnixAddress, options: OpeningOptions) -> BlockingTransport:
    from .unix import open_unix

    return open_unix(address, options)


async def _open_unix_async(
    address: UnixAddress,
    options: OpeningOptions,
    loop: asyncio.AbstractEventLoop,
    make_protocol: Callable[[], asyncio.BufferedProtocol],
) -> None:
    from .unix import open_unix_async

    await open_unix_async(address, options, loop, make_protocol)


TRANSPORTS: dict[type[ServerAddress], TransportKind[Any]] = {
    Address: TCP,
    TlsAddress: TransportKind(_open_tls, _open_tls_async),
    UnixAddress: TransportKind(_open_unix, _open_unix_async),
}
"""The kind of connection for each type of address."""


def transport_for(address: ServerAddress) -> TransportKind[Any]:
    """The kind of connection that leads to `address`; raises TypeError if there is none.

    The nearest type in the table counts, so a subclass needs no line of its own.
    """
    for type_ in type(address).__mro__:
        if type_ in TRANSPORTS:
            return TRANSPORTS[type_]
    raise TypeError(f"no kind of connection leads to {address!r}")
