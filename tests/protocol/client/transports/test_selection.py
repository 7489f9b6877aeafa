"""Which way an address leads, and that a new kind of connection is a line in the table."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from ether_protocol import Address, ConnectionLost, ServerAddress, TlsAddress, UnixAddress
from ether_protocol.client.transports.base import TransportKind
from ether_protocol.client.transports.selection import TRANSPORTS, transport_for
from ether_protocol.client.transports.tcp import TCP
from ether_protocol.client.transports.unix import open_unix, open_unix_async
from protocol.client.either import Either
from protocol.scripted import bytes_of, ok, pong, serving, wrote


@dataclass(frozen=True, slots=True)
class NamedSocket(UnixAddress):
    """An address of a kind of its own."""


def test_the_type_of_an_address_picks_the_kind() -> None:
    assert transport_for(Address("here")) is TCP
    kinds = [transport_for(each) for each in (UnixAddress("/here"), TlsAddress("here"))]
    assert TCP not in kinds
    assert kinds[0] != kinds[1]


def test_a_subclass_goes_where_the_nearest_type_in_the_table_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Named(Address):
        pass

    assert transport_for(Named("here")) is TCP
    assert transport_for(NamedSocket("/here")) is transport_for(UnixAddress("/here"))
    kind = TransportKind(open_unix, open_unix_async)
    monkeypatch.setitem(TRANSPORTS, NamedSocket, kind)
    assert transport_for(NamedSocket("/here")) is kind


def test_an_address_of_an_unknown_type_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="no kind of connection leads to 'nowhere'"):
        transport_for(cast(ServerAddress, "nowhere"))


def test_every_client_goes_over_a_unix_socket(each: Either, tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    with serving(pong, ok(7), wrote, bytes_of(b"hello"), ok(), listener=listener) as server:
        with each.connect(path, retry=None) as client:
            assert client.address == UnixAddress(path)
            assert client.ping(b"echo") == b"echo"
            with client.alloc(64) as block:
                assert block.write(b"hello") == 5
                assert block.read(5) == b"hello"
    assert server.seen[0] == "PING #1 [4 bytes]"


def test_nobody_there_is_said_as_for_every_kind(each: Either, tmp_path: Path) -> None:
    with pytest.raises(ConnectionLost, match=r"can't connect to /.*: there is no such socket$"):
        each.connect(UnixAddress(str(tmp_path / "nothing")), retry=None)
