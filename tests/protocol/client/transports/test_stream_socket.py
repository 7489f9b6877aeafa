from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from ether_protocol.client.transports.stream_socket import SocketTransport


@pytest.fixture
def ends() -> Iterator[tuple[SocketTransport, socket.socket]]:
    """A transport that polls busily, and the other end of its socket."""
    ours, theirs = socket.socketpair()
    with theirs:
        transport = SocketTransport(ours, busy_poll=True)
        yield transport, theirs
        transport.close()


def test_it_knows_of_an_end_before_anything_is_sent(
    ends: tuple[SocketTransport, socket.socket],
) -> None:
    transport, theirs = ends
    assert not transport.has_ended()
    theirs.close()
    assert transport.has_ended()


def test_bytes_that_wait_to_be_received_are_no_end(
    ends: tuple[SocketTransport, socket.socket],
) -> None:
    transport, theirs = ends
    theirs.sendall(b"x")
    assert not transport.has_ended()
    assert transport.receive_into(memoryview(bytearray(9))) == 1


def test_who_was_heard_this_moment_is_not_asked(
    ends: tuple[SocketTransport, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    transport, theirs = ends
    now = time.perf_counter()
    clock = SimpleNamespace(perf_counter=lambda: now)
    monkeypatch.setattr("ether_protocol.client.transports.stream_socket.time", clock)
    theirs.sendall(b"x")
    transport.receive_into(memoryview(bytearray(9)))
    theirs.close()
    assert not transport.has_ended()
    now += 11e-6
    assert transport.has_ended()
