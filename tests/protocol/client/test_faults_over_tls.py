"""What every client does when the network fails under TLS, where it can't know which byte it was.

The rules are those of test_faults; here a fault is anywhere, in a record or in the handshake.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from ether_protocol import Client, ConnectionLost, OutcomeUnknown, Retry, TimedOut, TlsAddress
from harness import Etherd
from protocol.client.chaos import ConnectionEnd, Fault, Proxy, chaos
from protocol.client.doors import Certificates, Doorway, tls_door
from protocol.client.either import Either

QUICKLY = Retry(attempts=5, first_delay=0.001, longest_delay=0.01)
ENDS = [ConnectionEnd.CLOSED, ConnectionEnd.RESET]
CUTS = (0, 1, 5, 6, 300, 1000, 1500, 1600, 1700, 3000, 20_000)
"""Bytes of either direction: within the handshake, at its end, and within records behind it."""

ends = pytest.mark.parametrize("end", ENDS, ids=lambda end: end.value)


@pytest.fixture(scope="module")
def tls(shared_etherd: Etherd, certificates: Certificates) -> Iterator[Doorway]:
    with tls_door(shared_etherd.port, certificates) as door:
        yield door


@pytest.fixture
def network(tls: Doorway) -> Iterator[Proxy]:
    """A network that can be told to fail, in front of the server with TLS."""
    assert isinstance(tls.address, TlsAddress)
    with chaos(tls.address.port) as proxy:
        yield proxy


@pytest.fixture
def through(each: Either, tls: Doorway, network: Proxy) -> Iterator[Client]:
    assert isinstance(tls.address, TlsAddress)
    where = replace(tls.address, port=network.port)
    with each.connect(where, retry=QUICKLY, **tls.options) as client:
        yield client


@ends
def test_a_safe_request_is_made_again_wherever_it_was_cut(
    through: Client, network: Proxy, end: ConnectionEnd
) -> None:
    with through.alloc(30_000) as block:
        block.write(bytes(range(256)))
        right = block.read()
        for count in CUTS:
            network.now(Fault(requests=count, end=end))
            assert block.read() == right
            network.now(Fault(replies=count, end=end))
            assert block.read() == right
    assert network.connections > len(CUTS)


@ends
def test_a_handshake_that_is_cut_is_tried_again(
    through: Client, network: Proxy, end: ConnectionEnd
) -> None:
    for count in CUTS[:6]:
        network.next(Fault(requests=count, end=end), Fault(replies=count, end=end))
        network.cut(end)
        assert through.ping(b"echo") == b"echo"


@ends
def test_a_change_that_was_sent_is_unknown_and_the_next_one_goes_over_a_new_connection(
    through: Client, network: Proxy, end: ConnectionEnd
) -> None:
    block = through.alloc(64)
    network.now(Fault(replies=0, end=end))
    with pytest.raises(OutcomeUnknown):
        block.write(b"hello")
    assert block.write(b"world") == 5
    assert block.read(5) == b"world"
    block.free()


def test_a_network_that_cuts_into_small_pieces_and_delays_them(
    through: Client, network: Proxy
) -> None:
    data = bytes(range(256)) * 40
    with through.alloc(len(data)) as block:
        network.now(Fault(pieces=(1, 2, 3, 5, 700), delay=0.0001))
        assert block.write(data) == len(data)
        assert block.read() == data


def test_long_ranges_both_ways_at_once(through: Client) -> None:
    size = 4 * 1024 * 1024
    with through.alloc(size) as block, through.pipeline() as pipeline:
        for _ in range(6):
            pipeline.write(block.handle, bytes(size))
            read = pipeline.read(block.handle, size)
    assert read.result() == bytes(size)


def test_a_network_that_stalls_is_a_timeout(each: Either, tls: Doorway, network: Proxy) -> None:
    assert isinstance(tls.address, TlsAddress)
    where = replace(tls.address, port=network.port)
    with each.connect(where, timeout=0.2, retry=QUICKLY, **tls.options) as client:
        client.ping()
        network.now(Fault(requests=0, end=ConnectionEnd.STALLED))
        with pytest.raises(TimedOut, match="no answer in time"):
            client.ping()
    network.next(Fault(replies=10, end=ConnectionEnd.STALLED))
    with pytest.raises(ConnectionLost, match="no answer in time"):
        each.connect(where, connect_timeout=0.2, **tls.options)


def test_closing_ends_a_request_that_waits(each: Either, through: Client, network: Proxy) -> None:
    through.ping()
    network.now(Fault(requests=0, end=ConnectionEnd.STALLED))
    waiting = each.begin(through, "ping", b"echo")
    each.settle()
    through.close()
    with pytest.raises(ConnectionLost, match="the client was closed"):
        waiting()
