"""The sockets that clients connect to.

Rule: what listens is opened here, and nowhere else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ether_daemon.settings import Settings
from ether_protocol.wire.address import Address

BACKLOG = 511


async def listen(
    settings: Settings, connection: Callable[[], asyncio.BaseProtocol]
) -> asyncio.Server:
    """Listen where `settings` say, and have each client served by a new `connection`.

    Raises OSError where the address can't be listened on.
    """
    loop = asyncio.get_running_loop()
    return await loop.create_server(connection, settings.host, settings.port, backlog=BACKLOG)


def addresses(listener: asyncio.Server) -> list[str]:
    """Where it listens, as a person writes it."""
    return [str(Address(*sock.getsockname()[:2])) for sock in listener.sockets]
