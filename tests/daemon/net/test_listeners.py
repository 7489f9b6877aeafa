from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import cast

import pytest

from ether_daemon.net.listeners import addresses, listen
from ether_daemon.settings import Settings


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 30))


class Greeter(asyncio.Protocol):
    """It says a word to each client, and counts them."""

    made = 0

    def __init__(self) -> None:
        Greeter.made += 1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(b"hello")
        transport.close()


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (("127.0.0.1", 9999), "127.0.0.1:9999"),
        (("::1", 9999, 0, 0), "[::1]:9999"),
        (("0.0.0.0", 1), "0.0.0.0:1"),
    ],
)
def test_addresses(address: tuple[str, int], text: str) -> None:
    sock = SimpleNamespace(getsockname=lambda: address)
    listener = cast(asyncio.Server, SimpleNamespace(sockets=[sock, sock]))
    assert addresses(listener) == [text, text]


def test_each_client_has_a_connection_of_its_own() -> None:
    async def scenario() -> None:
        made = Greeter.made
        listener = await listen(Settings(1, host="127.0.0.1", port=0), Greeter)
        (address,) = addresses(listener)
        host, _, port = address.rpartition(":")
        for _ in range(2):
            reader, writer = await asyncio.open_connection(host, int(port))
            assert await reader.read() == b"hello"
            writer.close()
            await writer.wait_closed()
        listener.close()
        assert Greeter.made == made + 2

    run(scenario)


def test_a_taken_port_is_an_os_error() -> None:
    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            settings = Settings(1, host="127.0.0.1", port=taken.getsockname()[1])
            with pytest.raises(OSError, match="address already in use"):
                await listen(settings, Greeter)

    run(scenario)


def test_a_name_that_nobody_has_is_an_os_error() -> None:
    async def scenario() -> None:
        with pytest.raises(OSError):  # noqa: PT011 - the resolver's words differ
            await listen(Settings(1, host="no-such-host.invalid", port=0), Greeter)

    run(scenario)
