from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ether_daemon.net.listeners import Listeners, name_of
from ether_daemon.settings import CannotStart, Settings


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
        ("/run/ether.sock", "/run/ether.sock"),
    ],
)
def test_the_name_of_a_socket(address: object, text: str) -> None:
    assert name_of(cast(socket.socket, SimpleNamespace(getsockname=lambda: address))) == text


async def listening(**changes: Any) -> Listeners:
    listeners = Listeners(Greeter)
    await listeners.open(Settings(1, **{"host": "127.0.0.1", "port": 0, **changes}))
    return listeners


async def greeted(sock: socket.socket) -> None:
    """Connect to a listening socket, and be greeted."""
    if sock.family == socket.AF_UNIX:
        reader, writer = await asyncio.open_unix_connection(sock.getsockname())
    else:
        reader, writer = await asyncio.open_connection(*sock.getsockname()[:2])
    assert await reader.read() == b"hello"
    writer.close()
    await writer.wait_closed()


def test_each_client_has_a_connection_of_its_own(tmp_path: Path) -> None:
    async def scenario() -> None:
        made = Greeter.made
        paths = tmp_path / "a.sock", tmp_path / "b.sock"
        listeners = await listening(unix=paths)
        assert listeners.where == [listeners.where[0], *map(str, paths)]
        assert listeners.where[0].startswith("127.0.0.1:")
        for sock in listeners.sockets * 2:
            await greeted(sock)
        listeners.close()
        assert Greeter.made == made + 6
        assert not any(path.exists() for path in paths)

    run(scenario)


def test_without_tcp_there_is_no_port(tmp_path: Path) -> None:
    async def scenario() -> None:
        listeners = await listening(tcp=False, unix=(tmp_path / "a.sock",))
        assert [sock.family for sock in listeners.sockets] == [socket.AF_UNIX]
        listeners.close()

    run(scenario)


def test_every_address_of_ipv6_is_every_address_of_ipv4_too() -> None:
    async def scenario() -> None:
        listeners = await listening(host="::")
        (sock,) = listeners.sockets
        with socket.create_connection(("127.0.0.1", sock.getsockname()[1])):
            pass
        listeners.close()

    run(scenario)


def test_a_taken_port_keeps_it_from_starting(tmp_path: Path) -> None:
    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(CannotStart, match=f"127.0.0.1:{port}: Address already in use"):
                await listening(port=port)

    run(scenario)


def test_where_one_place_is_taken_no_other_stays_open(tmp_path: Path) -> None:
    async def scenario() -> None:
        first = await listening(tcp=False, unix=(tmp_path / "b.sock",))
        paths = tmp_path / "a.sock", tmp_path / "b.sock"
        with pytest.raises(CannotStart, match=r"b\.sock: Address already in use"):
            await listening(unix=paths)
        assert [path.exists() for path in paths] == [False, True]
        await greeted(first.sockets[0])
        first.close()

    run(scenario)


def test_a_name_that_nobody_has(tmp_path: Path) -> None:
    async def scenario() -> None:
        with pytest.raises(CannotStart, match=r"can't listen on no-such-host\.invalid:0: \w"):
            await listening(host="no-such-host.invalid")

    run(scenario)
