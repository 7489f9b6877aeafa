"""The parts together, and two principals side by side: neither is to see the other."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import replace

import pytest

from daemon.connection import FakeClient, UnansweredStore, asking, lines, replies, run, serving
from ether_daemon.app.composition import Composition
from ether_daemon.engine import EngineFastPath
from ether_daemon.engine.reply_buffer import TURN_BYTES
from ether_daemon.net.admission import Admission
from ether_daemon.net.connection import Connection
from ether_daemon.net.shared import Shared
from ether_daemon.service.principal import ANONYMOUS, Principal
from ether_daemon.service.quota import Limits
from ether_daemon.settings import Settings
from ether_daemon.stores.contract import Identity, StoreContents, StoredBlock
from ether_daemon.stores.memory.store import MemoryStore
from ether_protocol import Command, Message, NoMemory, NotFound, QuotaExceeded
from ether_protocol.wire import bodies
from ether_protocol.wire.codec import encode

MIB = 1024 * 1024
SETTINGS = Settings(max_memory_bytes=MIB)
HELLO = encode(Message(Command.HELLO))


# The parts


def test_a_principal_is_made_once() -> None:
    parts = Composition(SETTINGS)
    ada = parts.principal("ada", Limits(1000))
    assert parts.principal("ada") is ada
    assert ada.quota.limits == Limits(1000)
    assert parts.principals == {ANONYMOUS: parts.principal(ANONYMOUS), "ada": ada}


def test_each_principal_of_a_memory_store_has_a_fast_path_of_its_own() -> None:
    parts = Composition(SETTINGS)
    paths = [parts.principal(name).fast_path for name in (ANONYMOUS, "ada", "bob")]
    assert all(isinstance(path, EngineFastPath) for path in paths)
    assert len({id(path) for path in paths}) == 3


def test_without_a_fast_path_nobody_has_one() -> None:
    parts = Composition(SETTINGS, fast_path=False)
    assert isinstance(parts.store, MemoryStore)
    assert parts.principal(ANONYMOUS).fast_path is parts.principal("ada").fast_path is None


def test_a_store_that_is_not_memory_has_none() -> None:
    parts = Composition(SETTINGS, UnansweredStore())
    assert parts.principal(ANONYMOUS).fast_path is None


def test_the_limits_are_those_of_the_settings() -> None:
    parts = Composition(Settings(max_memory_bytes=MIB, max_handles=2))
    assert parts.quota.limits == Limits(MIB, 2)
    blocks = parts.principal(ANONYMOUS).blocks
    with pytest.raises(NoMemory):
        blocks.alloc(MIB + 1)
    blocks.alloc(1)
    parts.principal("ada").blocks.alloc(1)
    with pytest.raises(NoMemory):
        blocks.alloc(1)


def test_what_the_store_held_is_everybodys_again() -> None:
    held = [
        StoredBlock(Identity("ada", 9, 2, 1000), 3, 64),
        StoredBlock(Identity("bob", 2, 0, 2000), 4, 100),
        StoredBlock(Identity("ada", 300, 0, 3000), 5, 7),
    ]
    parts = Composition(SETTINGS, UnansweredStore())
    parts.adopt(StoreContents(held, {"ada": 400, "bob": 2, "carl": 8}))

    blocks = {name: parts.principal(name).blocks for name in ("ada", "bob", "carl")}
    assert {name: own.list(0, 99) for name, own in blocks.items()} == {
        "ada": [(9, 64), (300, 7)],
        "bob": [(2, 100)],
        "carl": [],
    }
    assert blocks["ada"].table.ref(9) == 3
    assert blocks["ada"].info(9) == bodies.BlockInfo(64, 2, 1000)
    assert [own.table.reserve() for own in blocks.values()] == [401, 3, 9]
    assert (parts.quota.blocks, parts.quota.used_bytes) == (3, 171)
    assert parts.principal("ada").quota.used_bytes == 71


# Two principals


def acting_for(parts: Composition, principal: Principal) -> Shared:
    """What connections share whose clients are `principal`."""
    admission = Admission(SETTINGS, principal, parts.deferred_work.add)
    return replace(parts.shared, admission=admission)


def test_the_same_handle_is_another_block() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            ada, bob = (
                FakeClient(acting_for(parts, parts.principal(name))) for name in ("ada", "bob")
            )
            for client, word in ((ada, b"ada's"), (bob, b"bob's")):
                await client.send(asking(Command.ALLOC, size=5))
                await client.send(asking(Command.WRITE, 1, payload=word))
                assert lines(client.received()) == ["OK #0 handle=1 size=5"] * 2
            for client, word in ((ada, b"ada's"), (bob, b"bob's")):
                await client.send(asking(Command.READ, 1, size=9) * 3)
                assert [reply.payload for reply in replies(client.received())] == [word] * 3

    run(scenario)


def test_what_is_anothers_is_not_found() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            ada, bob = (
                FakeClient(acting_for(parts, parts.principal(name))) for name in ("ada", "bob")
            )
            await ada.send(asking(Command.ALLOC, size=8) * 2)
            await bob.send(asking(Command.ALLOC, size=8))
            bob.received()
            by_handle = [
                asking(Command.READ, 2, size=8),
                asking(Command.WRITE, 2, payload=b"x"),
                asking(Command.FILL, 2, size=8, payload=b"x"),
                asking(Command.INFO, 2),
                asking(Command.REALLOC, 2, size=9),
                asking(Command.COMPARE_SWAP, 2, payload=bytes(16)),
                asking(Command.FETCH_ADD, 2, payload=bytes(8)),
                asking(Command.COPY, 2, size=8, payload=bodies.COPY_REQUEST.pack(1, 0)),
                asking(Command.COPY, 1, size=8, payload=bodies.COPY_REQUEST.pack(2, 0)),
                asking(Command.FREE, 2),
            ]
            await bob.send(b"".join(by_handle))
            assert lines(bob.received()) == ["NOT_FOUND v2"] * len(by_handle)
            await ada.send(asking(Command.READ, 2, size=8))
            assert replies(ada.received())[-1].payload == bytes(8)

    run(scenario)


def test_list_and_stats_tell_a_principal_of_its_own() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            ada, bob = (
                FakeClient(acting_for(parts, parts.principal(name))) for name in ("ada", "bob")
            )
            await ada.send(asking(Command.ALLOC, size=100) * 3 + asking(Command.FREE, 2))
            await bob.send(asking(Command.ALLOC, size=7))
            for client in (ada, bob):
                client.received()
                await client.send(asking(Command.LIST, size=99) + asking(Command.STATS))
            (list_a, stats_a), (list_b, stats_b) = (replies(c.received()) for c in (ada, bob))
            assert bodies.decode_list(list_a.payload) == [(1, 100), (3, 100)]
            assert bodies.decode_list(list_b.payload) == [(1, 7)]
            assert (list_a.size, list_b.size) == (2, 1)

            told = [bodies.decode_stats(stats.payload) for stats in (stats_a, stats_b)]
            names = ("clients", "blocks", "used_bytes", "allocated_bytes", "freed_bytes")
            assert [[each[name] for name in names] for each in told] == [
                [1, 2, 200, 300, 100],
                [1, 1, 7, 7, 0],
            ]
            assert [each["requests_alloc"] for each in told] == [3, 1]
            assert "requests_free" not in told[1]
            assert [each["received_bytes"] for each in told] == [6 * 40, 3 * 40]
            assert parts.quota.used_bytes == 207

    run(scenario)


def test_one_that_has_used_up_its_quota_leaves_the_other_alone() -> None:
    parts = Composition(SETTINGS)
    ada = parts.principal("ada", Limits(1000, 2)).blocks
    bob = parts.principal("bob", Limits(2000)).blocks
    with pytest.raises(QuotaExceeded):
        ada.alloc(2000)
    ada.alloc(100)
    handle = ada.alloc(100)
    assert isinstance(handle, int)
    with pytest.raises(QuotaExceeded):
        ada.alloc(1)
    with pytest.raises(QuotaExceeded):
        ada.realloc(handle, 2000)
    for _ in range(5):
        bob.alloc(100)
    with pytest.raises(QuotaExceeded):
        bob.alloc(2000)
    assert (parts.quota.blocks, parts.quota.used_bytes) == (7, 700)


def test_what_is_given_to_one_is_not_there_for_the_other() -> None:
    parts = Composition(SETTINGS)
    ada, bob = parts.principal("ada").blocks, parts.principal("bob").blocks
    for _ in range(4):
        ada.alloc(240_000)
    with pytest.raises(NoMemory):  # nobody's own limit, but the server's
        bob.alloc(100_000)
    ada.free(4)
    bob.alloc(240_000)


def test_a_fast_path_knows_one_principals_handles_only() -> None:
    parts = Composition(SETTINGS)
    ada, bob = parts.principal("ada"), parts.principal("bob")
    for principal, byte in ((ada, 0x0A), (bob, 0x0B)):
        for handle in (1, 2):
            principal.blocks.alloc(8)
            principal.blocks.fill(handle, 0, 8, byte)
    bob.blocks.free(2)

    def served(principal: Principal, data: bytes) -> tuple[int, bytes]:
        assert principal.fast_path is not None
        stop, filled = principal.fast_path.serve(memoryview(data), 0, len(data), 0, TURN_BYTES)
        return stop, bytes(parts.replies.data[40:filled])

    read = asking(Command.READ, 1, size=8)
    assert served(ada, read) == (40, b"\x0a" * 8)
    assert served(bob, read) == (40, b"\x0b" * 8)
    served(bob, asking(Command.WRITE, 1, payload=b"written!"))
    assert served(ada, read) == (40, b"\x0a" * 8)
    assert served(bob, read) == (40, b"written!")

    gone = asking(Command.READ, 2, size=8)
    assert served(ada, gone) == (40, b"\x0a" * 8)
    assert served(bob, gone)[0] == 0, "left to the slow path, which does not find it either"
    with pytest.raises(NotFound):
        bob.blocks.read(2, 0, 8)
    assert ada.counters.requests[Command.READ] == 3
    assert bob.counters.requests[Command.READ] == 2
    assert ada.counters.requests[Command.WRITE] == 0


def test_session_blocks_of_one_principal_end_alone() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            ada, bob = (
                FakeClient(acting_for(parts, parts.principal(name))) for name in ("ada", "bob")
            )
            for client in (ada, bob):
                await client.send(asking(Command.ALLOC, size=8, flags=1) * 2)
            ada.lose()
            while parts.principal("ada").quota.blocks:
                await asyncio.sleep(0)
            assert parts.principal("bob").blocks.list(0, 9) == [(1, 8), (2, 8)]
            assert parts.quota.blocks == 2

    run(scenario)


# With a socket


def test_a_peer_that_resets_before_it_is_accepted_gets_nothing_done() -> None:
    # Its bytes are there although its address no longer is.
    uvloop = pytest.importorskip("uvloop")

    async def scenario() -> None:
        async with serving() as parts:
            loop = asyncio.get_running_loop()
            listener = await loop.create_server(lambda: Connection(parts.shared), "127.0.0.1", 0)
            peer = socket.create_connection(listener.sockets[0].getsockname())
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.sendall(asking(Command.ALLOC, size=64))
            peer.close()

            while not (parts.admission.refused and parts.admission.empty.is_set()):
                await asyncio.sleep(0)
            assert parts.shared.batch.arrivals == 1
            assert parts.quota.allocations == 0
            assert parts.principal(ANONYMOUS).counters.bytes_in == 0, "it was nobody's"
            listener.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(scenario(), 30))
