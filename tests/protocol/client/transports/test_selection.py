"""A new kind of connection is a pair of functions and a line in the table: here Unix sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from ether_protocol import Address, ConnectionLost
from ether_protocol.client.transports.base import TransportKind
from ether_protocol.client.transports.selection import TRANSPORTS, transport_for
from ether_protocol.client.transports.stream_socket import SocketTransport
from ether_protocol.client.transports.tcp import TCP
from protocol.client.either import Either
from protocol.scripted import bytes_of, ok, pong, serving, wrote


@dataclass(frozen=True, slots=True)
class PathAddress(Address):
    """A Unix socket, whose path is the host."""


def open_path(address: Address, connect_timeout: float) -> SocketTransport:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(connect_timeout)
    try:
        sock.connect(address.host)
    except OSError:
        sock.close()
        raise
    return SocketTransport(sock)


async def open_path_async(
    address: Address,
    loop: asyncio.AbstractEventLoop,
    make_protocol: Callable[[], asyncio.BufferedProtocol],
) -> None:
    await loop.create_unix_connection(make_protocol, address.host)


@pytest.fixture(autouse=True)
def unix(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line in the table."""
    monkeypatch.setitem(TRANSPORTS, PathAddress, TransportKind(open_path, open_path_async))


def test_the_type_of_an_address_picks_the_kind() -> None:
    assert transport_for(Address("here")) is TCP
    assert transport_for(PathAddress("/here")).open_blocking is open_path


def test_a_subclass_goes_where_the_nearest_type_in_the_table_goes() -> None:
    class Named(Address):
        pass

    class NamedPath(PathAddress):
        pass

    assert transport_for(Named("here")) is TCP
    assert transport_for(NamedPath("/here")).open_blocking is open_path


def test_an_address_of_an_unknown_type_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="no kind of connection leads to 'nowhere'"):
        transport_for(cast(Address, "nowhere"))


def test_every_client_goes_over_another_kind(each: Either, tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    with serving(pong, ok(7), wrote, bytes_of(b"hello"), ok(), listener=listener) as server:
        with each.connect(PathAddress(path), retry=None) as client:
            assert client.ping(b"echo") == b"echo"
            with client.alloc(64) as block:
                assert block.write(b"hello") == 5
                assert block.read(5) == b"hello"
    assert server.seen[0] == "PING #1 [4 bytes]"


def test_nobody_there_is_said_as_for_every_kind(each: Either, tmp_path: Path) -> None:
    with pytest.raises(ConnectionLost, match=r"can't connect to .*: No such file or directory$"):
        each.connect(PathAddress(str(tmp_path / "nothing")), retry=None)
