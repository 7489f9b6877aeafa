from __future__ import annotations

import socket

import pytest

from ether_protocol import Address, AllocFlag, Client
from ether_protocol.tools.conformance.fixture import Fixture
from ether_protocol.tools.conformance.requests import alloc, copy, fill, free, ping, read
from ether_protocol.tools.conformance.verdicts import NoConnection, RuleBroken, RuleSkipped
from harness import Etherd, StartEtherd
from protocol.faulty_server import faulty_server

TIMEOUT_SECONDS = 5.0


def fixture_of(etherd: Etherd) -> Fixture:
    return Fixture(Address("127.0.0.1", etherd.port), TIMEOUT_SECONDS)


def test_all_blocks_are_freed_and_all_connections_closed(etherd: Etherd, client: Client) -> None:
    fixture = fixture_of(etherd)
    first, second = fixture.connect(), fixture.connect()
    handle = fixture.block(first, 8, b"contents")
    fixture.blocks(second, 300, 16)
    second.ask(alloc(5, version=1))
    assert client.list()[0] == 302
    assert client.read(handle, 8) == b"contents"

    assert fixture.clean() == 0

    assert client.list() == (0, [])
    for peer in (first, second):
        with pytest.raises(OSError, match="Bad file descriptor"):
            peer.finish_sending()


def test_replies_to_allocs_are_awaited_before_the_blocks_are_freed(
    etherd: Etherd, client: Client
) -> None:
    fixture = fixture_of(etherd)
    peer = fixture.connect()
    peer.send(ping(), alloc(8), alloc(8), ping())

    assert fixture.clean() == 0

    assert client.list() == (0, [])


def test_a_block_that_was_freed_is_not_freed_again(etherd: Etherd, client: Client) -> None:
    fixture = fixture_of(etherd)
    peer = fixture.connect()
    gone = fixture.block(peer, 8)
    peer.ask(free(gone))
    peer.ask(free(gone))

    assert fixture.clean() == 0
    assert client.list() == (0, [])


def test_what_can_not_be_freed_is_counted() -> None:
    with faulty_server() as address:
        fixture = Fixture(address, TIMEOUT_SECONDS)
        peer = fixture.connect()
        fixture.blocks(peer, 3, 8)
    assert fixture.clean() == 3


def test_large_blocks_without_room_skip_the_rule(start_etherd: StartEtherd) -> None:
    etherd = start_etherd("--max-memory", "4MiB", "--max-handles", "10")
    fixture = fixture_of(etherd)
    peer = fixture.connect()
    with pytest.raises(RuleSkipped, match="no room for a block of 8388608 bytes"):
        fixture.block(peer, 8 << 20)
    with pytest.raises(RuleSkipped, match="no room for 20 blocks"):
        fixture.blocks(peer, 20, 8)
    with pytest.raises(RuleBroken, match="expected OK, saw ERROR NO_MEMORY"):
        fixture.block(peer, 8)  # a small one must always fit
    assert fixture.clean() == 0


def test_features_decide_what_is_served() -> None:
    address = Address("127.0.0.1", 1)
    anything = Fixture(address, TIMEOUT_SECONDS)
    some = Fixture(address, TIMEOUT_SECONDS, frozenset({"fill", "session-blocks"}))
    none = Fixture(address, TIMEOUT_SECONDS, frozenset())

    session = alloc(8, AllocFlag.SESSION)
    requests = (read(1, 0, 1), fill(1, 0, 1, 0), copy(1, 0, 1, 1, 0), session, alloc(8))
    assert [anything.serves(request) for request in requests] == [True] * 5
    assert [some.serves(request) for request in requests] == [True, True, False, True, True]
    assert [none.serves(request) for request in requests] == [True, False, False, False, True]


def test_unsupported_skips_the_rule_where_hello_names_no_such_feature() -> None:
    with faulty_server("has no optional features") as address:
        fixture = Fixture(address, TIMEOUT_SECONDS, frozenset())
        peer = fixture.connect()
        handle = fixture.block(peer, 8)
        with pytest.raises(RuleSkipped, match="the server has no fill"):
            peer.ask(fill(handle, 0, 1, 0))
        assert fixture.clean() == 0


def test_polls_end() -> None:
    fixture = Fixture(Address("127.0.0.1", 1), TIMEOUT_SECONDS)
    assert list(fixture.polls(0.0)) == []
    assert len(list(fixture.polls(0.02))) >= 1


def test_a_connection_that_can_not_be_opened_has_a_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    for host, reason in (("127.0.0.1", "Connection refused"), ("a..b", "is not a host name")):
        with pytest.raises(NoConnection, match=reason):
            Fixture(Address(host, port), TIMEOUT_SECONDS).connect()
