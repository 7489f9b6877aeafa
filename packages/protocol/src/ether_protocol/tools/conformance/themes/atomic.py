"""COMPARE_SWAP and FETCH_ADD: their arithmetic and their atomicity.

Rule: atomicity is checked with several connections that have all sent their
requests before any reply is received, so that races in the server can show.
"""

from __future__ import annotations

import struct

from ether_protocol.tools.conformance import expect
from ether_protocol.tools.conformance.fixture import Fixture
from ether_protocol.tools.conformance.requests import compare_swap, fetch_add, read, write
from ether_protocol.tools.conformance.rules import Theme
from ether_protocol.wire.bodies import decode_fetch_add
from ether_protocol.wire.constants import VERSION_1

theme: Theme = Theme("atomic")

BLOCK = "What a block promises"
CONNECTIONS = 4
ROUNDS = 50
U64 = struct.Struct(">Q")


@theme.rule(BLOCK)
def swap_only_if_equal(fixture: Fixture) -> None:
    """COMPARE_SWAP writes only if all 8 bytes equal the expected; the reply has what was there."""
    peer = fixture.connect()
    handle = fixture.block(peer, 8, b"original")
    for expected in (b"originaL", b"Original", bytes(8)):
        reply = peer.ask(compare_swap(handle, 0, expected, b"replaced"))
        expect.ok(reply, payload=b"original")
        expect.ok(peer.ask(read(handle, 0, 8)), payload=b"original")
    expect.ok(peer.ask(compare_swap(handle, 0, b"original", b"replaced")), payload=b"original")
    expect.ok(peer.ask(read(handle, 0, 8)), payload=b"replaced")


@theme.rule(BLOCK)
def add_wraps_around(fixture: Fixture) -> None:
    """FETCH_ADD wraps around at 2^64, both ways, and takes any i64."""
    peer = fixture.connect()
    handle = fixture.block(peer, 8)
    value = 0
    for delta in (-1, 1, 2**63 - 1, 1, -(2**63), -(2**63), 5, -6, 1):
        expect.ok(peer.ask(fetch_add(handle, 0, delta)), payload=U64.pack(value))
        value = (value + delta) % 2**64
        expect.ok(peer.ask(read(handle, 0, 8)), payload=U64.pack(value))


@theme.rule(BLOCK)
def atomics_at_any_offset(fixture: Fixture) -> None:
    """COMPARE_SWAP and FETCH_ADD need no alignment and touch only 8 bytes."""
    peer = fixture.connect()
    handle = fixture.block(peer, 18, b"\xff" * 18)
    expect.ok(peer.ask(fetch_add(handle, 5, 1)), payload=b"\xff" * 8)
    expect.ok(peer.ask(read(handle, 0, 18)), payload=b"\xff" * 5 + bytes(8) + b"\xff" * 5)
    expect.ok(peer.ask(compare_swap(handle, 5, bytes(8), b"\xee" * 8)), payload=bytes(8))
    expect.ok(peer.ask(read(handle, 0, 18)), payload=b"\xff" * 5 + b"\xee" * 8 + b"\xff" * 5)


@theme.rule(BLOCK)
def add_from_several_connections(fixture: Fixture) -> None:
    """FETCH_ADDs of several connections at once lose none and give each number once."""
    peers = [fixture.connect() for _ in range(CONNECTIONS)]
    handle = fixture.block(peers[0], 8)
    for peer in peers:
        peer.send(*(fetch_add(handle, 0, 1) for _ in range(ROUNDS)))
    found = [
        expect.parsed("FETCH_ADD", decode_fetch_add, expect.ok(peer.receive()).payload)
        for peer in peers
        for _ in range(ROUNDS)
    ]
    expect.true(
        sorted(found) == list(range(CONNECTIONS * ROUNDS)),
        f"each number below {CONNECTIONS * ROUNDS} once",
        f"{len(set(found))} different numbers",
    )
    total = U64.pack(CONNECTIONS * ROUNDS)
    expect.ok(peers[0].ask(read(handle, 0, 8)), payload=total)


@theme.rule(BLOCK)
def one_swap_wins(fixture: Fixture) -> None:
    """Of several connections' COMPARE_SWAPs that expect the same, one is carried out."""
    peers = [fixture.connect() for _ in range(CONNECTIONS)]
    handle = fixture.block(peers[0], 8)
    there = bytes(8)
    for turn in range(1, ROUNDS + 1):
        wanted = [U64.pack(turn * CONNECTIONS + number) for number in range(CONNECTIONS)]
        for peer, desired in zip(peers, wanted, strict=True):
            peer.send(compare_swap(handle, 0, there, desired))
        winners = [
            desired
            for peer, desired in zip(peers, wanted, strict=True)
            if expect.ok(peer.receive()).payload == there
        ]
        expect.equal("how many were carried out", len(winners), 1)
        there = winners[0]
        expect.ok(peers[0].ask(read(handle, 0, 8)), payload=there)


@theme.rule(BLOCK)
def writes_do_not_mix(fixture: Fixture) -> None:
    """WRITEs of several connections at once to one range leave one of them whole."""
    peers = [fixture.connect() for _ in range(CONNECTIONS)]
    size = 100_000
    handle = fixture.block(peers[0], size)
    for _ in range(5):
        for number, peer in enumerate(peers, 1):
            version = 1 + number % 2
            peer.send(write(handle, 0, bytes([number]) * size, version=version))
        for number, peer in enumerate(peers, 1):
            expect.ok(peer.receive(), version=VERSION_1 + number % 2)
        seen = expect.ok(peers[0].ask(read(handle, 0, size)), size=size).payload
        expect.content(seen, bytes(seen[:1]) * size)
