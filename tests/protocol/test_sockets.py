from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from ether_protocol.sockets import do_not_pace, is_loopback


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.255.255.254", "::1", "::1%lo", "::ffff:127.0.0.1"]
)
def test_these_are_of_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["203.0.113.9", "::", "fe80::1%eth0", "::ffff:10.0.0.1", "", "localhost"]
)
def test_these_are_not_or_do_not_say_so(host: str) -> None:
    assert not is_loopback(host)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    with client, server:
        yield client, server


@pytest.mark.skipif(not hasattr(socket, "TCP_CONGESTION"), reason="Linux alone has a choice")
def test_what_stays_in_the_machine_is_not_paced(pair: tuple[socket.socket, socket.socket]) -> None:
    for sock in pair:
        do_not_pace(sock)
        chosen = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
        assert chosen.rstrip(b"\0") == b"reno"


def test_what_a_socket_refuses_is_left_as_it_is() -> None:
    local, other = socket.socketpair()
    with local, other:
        do_not_pace(local)
    with socket.socket() as alone:
        do_not_pace(alone)
