from __future__ import annotations

import asyncio
import os
import socket
from typing import cast

import pytest

from ether_daemon.net.origin import Origin, is_local, origin_of


@pytest.mark.parametrize(
    "address",
    [
        ("127.0.0.1", 1),
        ("127.255.255.254", 1),
        ("::1", 1, 0, 0),
        ("::1%lo", 1, 0, 1),
        ("::ffff:127.0.0.1", 1, 0, 0),
        ("::FFFF:7F00:0001", 1, 0, 0),
        "",
        "/run/client.socket",
        b"\0abstract",
    ],
)
def test_loopback_and_paths_are_local(address: object) -> None:
    assert is_local(address)


@pytest.mark.parametrize(
    "address",
    [
        ("203.0.113.9", 1),
        ("10.0.0.1", 1),
        ("0.0.0.0", 1),
        ("128.0.0.1", 1),
        ("2001:db8::1", 1, 0, 0),
        ("::", 1, 0, 0),
        ("::ffff:203.0.113.9", 1, 0, 0),
        ("::127.0.0.1", 1, 0, 0),
        ("fe80::1%eth0", 1, 0, 2),
        ("127.1", 1),
        ("localhost", 1),
        ("", 1),
        (None, 1),
        (2130706433, 1),
        None,
        127,
    ],
)
def test_everything_else_is_not(address: object) -> None:
    assert not is_local(address)


@pytest.mark.parametrize("address", ["203.0.113.9", "2001:db8::9"])
def test_a_peer_with_the_address_that_it_connects_to_is_local(address: str) -> None:
    assert is_local((address, 1), (address, 9999))
    assert not is_local((address, 1), ("203.0.113.10", 9999))
    assert not is_local((address, 1), None)


def test_a_peer_without_an_address_is_not_local_wherever_it_connects_to() -> None:
    assert not is_local(("", 1), ("", 9999))
    assert not is_local(None, ("127.0.0.1", 9999))


class Ended(asyncio.BaseTransport):
    """A transport of a socket, as far as it is asked."""

    def __init__(self, **facts: object) -> None:
        super().__init__(facts)


def test_the_kernel_says_who_is_at_the_other_end_of_a_unix_socket() -> None:
    here, there = socket.socketpair()
    with here, there:
        origin = origin_of(Ended(socket=here, peername=""))
    assert origin == Origin(
        f"process {os.getpid()} of user {os.getuid()}", local=True, uid=os.getuid()
    )


def test_a_peer_is_named_by_its_address() -> None:
    assert origin_of(Ended(peername=("::1", 5, 0, 0))) == Origin("[::1]:5", local=True)
    assert origin_of(Ended(peername=("203.0.113.9", 5))) == Origin("203.0.113.9:5", local=False)
    assert origin_of(Ended()) == Origin("a client that has gone already", local=False)


def test_a_peer_has_no_user_where_no_kernel_says_so() -> None:
    class Elsewhere:
        family = socket.AF_UNIX

    sock = cast(socket.socket, Elsewhere())
    assert origin_of(Ended(socket=sock, peername="")) == Origin("a local socket", local=True)
