"""Every way in which a connection ends."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from pathlib import Path

import pytest

from certificates import client_context, server_files
from daemon.connection import (
    PING,
    STRANGER,
    FakeClient,
    UnansweredStore,
    anonymous,
    asking,
    impatient,
    lines,
    on,
    run,
    serving,
    slow_clock,
    until,
)
from ether_daemon.net.connection import Connection
from ether_daemon.net.listeners import Listeners
from ether_daemon.net.tls import server_context
from ether_daemon.settings import Settings, TlsSettings
from ether_daemon.stores.memory.store import MemoryStore
from ether_protocol import Command, Message
from ether_protocol.wire.codec import encode

MIB = 1024 * 1024


# Being refused


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("peer", [STRANGER, ("2001:db8::9", 5, 0, 0), None])
def test_a_stranger_is_told_why_and_cut_off(version: int, peer: object) -> None:
    async def scenario() -> None:
        async with serving() as parts:
            client = FakeClient(impatient(parts), peer)
            request = encode(Message(Command.ALLOC, size=64, version=version))
            await client.send(request * 3)
            assert lines(client.received()) == [f"FORBIDDEN v{version}"]
            assert client.transport.ended() == "eof"
            assert client.transport.is_reading()  # or the reset would overtake the reply
            assert parts.quota.allocations == 0
            assert client.offer(request * 10_000) > 0
            await until(lambda: client.transport.closed)
            client.lose()
            assert parts.admission.empty.is_set()

    run(scenario)


def test_a_stranger_that_says_nothing_is_cut_off_too() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            client = FakeClient(impatient(parts), STRANGER)
            await until(lambda: client.transport.closed)
            assert client.received() == b""

    run(scenario)


def test_one_too_many_is_busy() -> None:
    async def scenario() -> None:
        async with serving(max_clients=1) as parts:
            first, second = FakeClient(parts), FakeClient(parts)
            await second.send(PING)
            assert lines(second.received()) == ["BUSY v2"]
            assert second.transport.ended() == "eof"
            await first.send(PING)
            first.lose()
            third = FakeClient(parts)
            await third.send(PING)
            assert lines(third.received()) == ["PONG #1"]

    run(scenario)


@pytest.mark.parametrize("length", [1, 1000, 256 * 1024, 3 * MIB])
def test_garbage_of_any_length_gets_one_error_that_can_be_read(length: int) -> None:
    async def scenario() -> None:
        async with serving() as parts:
            client = FakeClient(parts)
            await client.send(PING)
            await client.send(b"\x16" * length)
            assert lines(client.received()) == ["PONG #1", "CORRUPT v2"]
            assert client.transport.ended() == "eof"
            assert client.transport.is_reading()
            assert client.transport.ended() in ("", "eof")

    run(scenario)


def test_an_error_behind_replies_that_are_not_taken_is_sent_when_they_are() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            client = FakeClient(parts)
            await client.send(asking(Command.ALLOC, size=MIB))
            client.received()
            client.transport.window = 1000
            await client.send(asking(Command.READ, 1, size=MIB))
            client.transport.take(MIB // 2)
            await client.turns()
            client.transport.take(2 * MIB)
            await client.turns()
            await client.send(b"garbage")
            assert lines(client.received()) == [
                f"OK #0 handle=1 size={MIB} [{MIB} bytes]",
                "CORRUPT v2",
            ]
            assert client.transport.ended() == "eof"

    run(scenario)


# Ending


def test_half_closed_it_still_answers_everything() -> None:
    async def scenario() -> None:
        store = UnansweredStore()
        client = FakeClient(on(store))
        await client.send(asking(Command.WRITE, 1, payload=b"abc") + PING)
        assert client.connection.eof_received()
        assert client.transport.ended() in ("", "eof")
        store.answer(0, None)
        await client.turns()
        assert len(lines(client.received())) == 2
        assert client.transport.ended() == "closed"

    run(scenario)


@pytest.mark.parametrize(
    "rest", [b"", PING[:17], asking(Command.WRITE, 1, payload=bytes(99_999))[:5000]]
)
def test_half_closed_with_nothing_due_it_closes(rest: bytes) -> None:
    async def scenario() -> None:
        async with serving() as parts:
            client = FakeClient(parts)
            await client.send(PING + rest)
            client.connection.eof_received()
            assert client.transport.ended() == "closed"
            assert lines(client.received()) == ["PONG #1"]

    run(scenario)


def test_half_closed_while_requests_wait_for_their_turn() -> None:
    async def scenario() -> None:
        async with serving(fast_path=False) as parts:
            client = FakeClient(slow_clock(parts))
            client.offer(PING * 100)
            assert not client.transport.is_reading()
            client.connection.eof_received()
            assert client.transport.ended() == ""
            while not client.transport.ended():
                await asyncio.sleep(0)
            assert lines(client.received()) == ["PONG #1"] * 100
            assert client.transport.ended() == "closed"

    run(scenario)


def test_half_closed_while_it_takes_nothing() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            client = FakeClient(parts)
            await client.send(asking(Command.ALLOC, size=MIB))
            client.received()
            client.transport.window = 0
            client.offer(asking(Command.READ, 1, size=MIB) * 3 + PING)
            # Nothing is read now; the end is seen when everything before it was.
            while not client.transport.is_reading():
                client.transport.take(500_000)
                await client.turns()
            client.connection.eof_received()
            client.transport.take(1 << 30)
            assert [line[:2] for line in lines(client.received())] == ["OK"] * 3 + ["PO"]
            assert client.transport.ended() == "closed"

    run(scenario)


@pytest.mark.parametrize("how", ["idle", "mid-request", "turn over", "blocked", "awaited"])
def test_a_connection_that_is_lost_lets_go_of_everything(how: str) -> None:
    async def scenario() -> None:
        store = UnansweredStore()
        async with serving(fast_path=how != "turn over") as memory:
            parts = on(store) if how == "awaited" else memory
            client = FakeClient(slow_clock(parts) if how == "turn over" else parts)
            await client.send(asking(Command.ALLOC, size=MIB))
            if how == "mid-request":
                await client.send(asking(Command.WRITE, 1, payload=bytes(MIB))[:-1])
            elif how == "blocked":
                client.transport.window = 0
                client.offer(asking(Command.READ, 1, size=MIB) * 5)
            elif how == "turn over":
                client.offer(PING * 100)
                assert not client.transport.is_reading()
            client.received()
            client.lose(ConnectionResetError("reset"))
            assert parts.admission.connections == []
            assert parts.admission.empty.is_set()
            client.received()
            # What was under way may still call back.
            client.connection.resume_writing()
            if how == "awaited":
                store.answer(0, 5)
            if how == "blocked":
                assert isinstance(parts.store, MemoryStore)
                (block,) = parts.store.large.values()
                assert block.streamed_reads == []
            await asyncio.sleep(0)
            assert client.received() == b""

    run(scenario)


def test_session_blocks_end_with_it_and_others_do_not() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            one, other = FakeClient(parts), FakeClient(parts)
            for flags in (1, 0, 1, 1):
                await one.send(asking(Command.ALLOC, size=10, flags=flags))
            await other.send(asking(Command.FREE, 3) + asking(Command.ALLOC, size=10, flags=1))
            one.lose()
            await until(lambda: parts.quota.blocks == 2)
            await other.send(asking(Command.LIST, size=9))
            assert lines(other.received())[-1] == "OK #0 size=2 [32 bytes]"
            assert [h for h, _ in anonymous(parts).list(0, 9)] == [2, 5]

    run(scenario)


# Draining


def test_draining_an_idle_connection_says_goodbye_and_waits_for_the_client() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            client = FakeClient(parts)
            await client.send(PING)
            client.connection.drain()
            assert client.transport.ended() == "eof"
            client.offer(PING * 100)
            assert lines(client.received()) == ["PONG #1"]
            client.connection.eof_received()
            assert client.transport.ended() == "closed"

    run(scenario)


def test_a_client_that_does_not_go_is_left() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            client = FakeClient(impatient(parts))
            client.connection.drain()
            await until(lambda: client.transport.closed)
            assert client.transport.ended() == "closed"  # what is sent is still delivered

    run(scenario)


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("cut", [1, 39, 41, 5000])
def test_draining_finishes_the_request_that_is_being_received(fast: bool, cut: int) -> None:
    async def scenario() -> None:
        async with serving(fast_path=fast) as parts:
            client = FakeClient(parts)
            write = asking(Command.WRITE, 1, payload=b"x" * 20_000, request_id=9)
            await client.send(asking(Command.ALLOC, size=20_000) + PING + write[:cut])
            client.received()
            client.connection.drain()
            assert client.transport.ended() == ""
            client.offer(write[cut:] + PING * 50)
            assert lines(client.received()) == ["OK #9 handle=1 size=20000"]
            assert client.transport.ended() == "eof"
            assert anonymous(parts).read(1, 19_990, 99) == b"x" * 10

    run(scenario)


def test_draining_carries_out_what_has_arrived_and_waits_its_turn() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            client = FakeClient(parts)
            await client.send(asking(Command.ALLOC, size=MIB))
            client.received()
            client.transport.window = 0
            read = asking(Command.READ, 1, size=MIB)
            client.offer(read * 4 + PING + PING[:20])
            assert not client.transport.is_reading()
            client.connection.drain()
            assert client.transport.ended() == ""
            while not client.transport.is_reading():
                client.transport.take(400_000)
                await client.turns()
            client.transport.take(1 << 30)
            assert [line[:2] for line in lines(client.received())] == ["OK"] * 4 + ["PO"]
            assert client.transport.ended() == ""
            client.offer(PING[20:] + PING + PING)
            assert lines(client.received()) == ["PONG #1"]
            assert client.transport.ended() == "eof"

    run(scenario)


def test_draining_waits_for_answers_that_come_later() -> None:
    async def scenario() -> None:
        store = UnansweredStore()
        client = FakeClient(on(store))
        await client.send(asking(Command.WRITE, 1, payload=b"abc") + PING)
        client.connection.drain()
        assert client.transport.ended() == ""
        client.offer(PING * 3)
        store.answer(0, None)
        await client.turns()
        assert lines(client.received()) == ["OK #0 handle=1 size=3", "PONG #1"]
        assert client.transport.ended() == "eof"

    run(scenario)


def test_draining_what_is_already_ending_changes_nothing() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            client = FakeClient(parts)
            await client.send(b"garbage")
            client.connection.drain()
            assert lines(client.received()) == ["CORRUPT v1"]
            assert client.transport.ended() == "eof"

    run(scenario)


def test_abort() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            client = FakeClient(parts)
            client.connection.abort()
            assert client.transport.ended() == "aborted"

    run(scenario)


# What is left


def connections() -> int:
    return sum(isinstance(thing, Connection) for thing in gc.get_objects())


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("transport", ["tcp", "unix", "tls"])
@pytest.mark.parametrize(
    "last",
    [
        b"",
        b"garbage, which ends it",
        encode(Message(Command.PING, version=1)),
        asking(Command.WRITE, 1, payload=bytes(MIB))[:-1],
        asking(Command.ALLOC, size=16 * MIB) + asking(Command.READ, 1, size=16 * MIB) * 3,
    ],
    ids=["PING", "garbage", "version 1", "half a WRITE", "READs that nobody takes"],
)
def test_a_connection_that_is_over_waits_for_no_collector(
    loop: str, transport: str, last: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "socket"

    async def scenario() -> None:
        settings = Settings(1, host="127.0.0.1", port=0, tcp=transport != "unix")
        context = None
        if transport == "unix":
            settings = Settings(1, tcp=False, unix=(path,))
        elif transport == "tls":
            files = server_files(tmp_path)
            tls = TlsSettings(files.certificate, files.key, None)
            settings = Settings(1, host="127.0.0.1", port=0, tls=tls)
            context = server_context(tls, certificate_needed=False)
        async with serving() as parts:
            listeners = Listeners(lambda: Connection(parts.shared))
            await listeners.open(settings, context)
            try:
                before = connections()
                if transport == "unix":
                    reader, writer = await asyncio.open_unix_connection(path)
                else:
                    reader, writer = await asyncio.open_connection(
                        *listeners.sockets[0].getsockname(),
                        ssl=client_context() if transport == "tls" else None,
                    )
                writer.write(PING + last)
                await reader.readexactly(40)
                assert connections() == before + 1
                writer.transport.abort()
                await parts.admission.empty.wait()
                await until(lambda: connections() == before)
            finally:
                listeners.close()

    factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    if loop == "uvloop":
        factory = pytest.importorskip("uvloop").new_event_loop
    gc.collect()
    gc.disable()
    try:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(asyncio.wait_for(scenario(), 10))
    finally:
        gc.enable()
