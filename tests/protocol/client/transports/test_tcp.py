from __future__ import annotations

import socket

import pytest

from ether_protocol import Address
from ether_protocol.client.core.options import ConnectOptions
from ether_protocol.client.transports.tcp import open_tcp


def test_a_new_connection_sends_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        transport = open_tcp(Address(*listener.getsockname()), ConnectOptions())
        transport.send(b"x")
        peer, _ = listener.accept()
        with peer:
            assert peer.recv(9) == b"x"
        transport.close()


def test_nobody_there_is_an_os_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address(*taken.getsockname())
    with pytest.raises(ConnectionRefusedError):
        open_tcp(address, ConnectOptions())
