from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from daemon.connection import PING, FakeClient, asking, lines, run, serving
from ether_daemon.app.composition import Composition
from ether_daemon.net.connection import Connection
from ether_daemon.net.deadlines import Deadlines
from ether_daemon.net.shared import Shared
from ether_daemon.net.watched_connection import connection_class
from ether_protocol import Command

KIB, MIB = 1024, 1024 * 1024


class Clock:
    """A clock that a test puts forward, and the deadlines that go by it."""

    def __init__(self, idle_seconds: float = 0.0) -> None:
        self.now = 1000.0
        self.deadlines = Deadlines(lambda: self.now, idle_seconds)

    def pass_by(self, seconds: float) -> None:
        """Let time go by, with a tick each second."""
        for _ in range(round(seconds)):
            self.now += 1
            self.deadlines.tick()

    def shared(self, parts: Composition) -> Shared:
        """What connections share, by this clock."""
        return replace(parts.shared, deadlines=self.deadlines)


@pytest.mark.parametrize(
    ("message", "begin", "allowed"),
    [
        (PING, 1, 60),
        (PING, 39, 60),
        (asking(Command.WRITE, 1, payload=bytes(100)), 139, 60),
        (asking(Command.WRITE, 1, payload=bytes(MIB)), 41, 76),
        (asking(Command.WRITE, 1, payload=bytes(16 * MIB)), 16 * MIB, 316),
        # What is announced, and will be dropped since the command takes no payload.
        (asking(Command.LIST, payload=bytes(MIB)), 500 * KIB, 76),
    ],
)
def test_a_message_that_has_begun_has_so_long(message: bytes, begin: int, allowed: int) -> None:
    async def scenario() -> None:
        async with serving() as parts:
            clock = Clock()
            client = FakeClient(clock.shared(parts))
            await client.send(PING * 3 + message[:begin])
            clock.pass_by(allowed - 2)
            await client.turns()
            assert not client.transport.ended()
            clock.pass_by(5)
            await client.turns()
            assert client.transport.ended() == "aborted"
            assert clock.deadlines.closed == 1

    run(scenario)


def test_a_byte_now_and_then_does_not_renew_it(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with serving() as parts:
            clock = Clock()
            client = FakeClient(clock.shared(parts))
            message = asking(Command.WRITE, 1, payload=bytes(100))
            for at in range(62):
                await client.send(message[at : at + 1])
                clock.pass_by(1)
            await client.turns()
            assert client.transport.ended() == "aborted"

    run(scenario)
    assert "Client closed: 127.0.0.1:54321: a message has not arrived within 60 s" in caplog.text


def test_message_after_message_may_be_cut_anywhere() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            clock = Clock()
            client = FakeClient(clock.shared(parts))
            write = asking(Command.WRITE, 1, payload=bytes(30_000))
            stream = (PING + write) * 40
            for at in range(0, len(stream), 10_007):  # there is always one that has begun
                await client.send(stream[at : at + 10_007])
                clock.pass_by(10)
            assert not client.transport.ended()
            assert len(lines(client.received())) == 80
            clock.pass_by(1000)  # and with none begun there is no limit
            assert not client.transport.ended()

    run(scenario)


def test_time_in_which_nothing_was_read_of_it_is_not_the_clients() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            clock = Clock()
            client = FakeClient(clock.shared(parts))
            await client.send(asking(Command.ALLOC, size=MIB))
            client.transport.window = 40
            client.offer(asking(Command.READ, 1, size=100 * KIB) + PING[:10])
            assert not client.transport.is_reading()
            clock.pass_by(200)
            await client.turns()
            assert not client.transport.ended()

    run(scenario)


def test_time_that_the_process_was_stopped_is_nobodys() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            clock = Clock(idle_seconds=20)
            shared = clock.shared(parts)
            begun, idle, taking_none = FakeClient(shared), watched(shared), FakeClient(shared)
            await begun.send(PING[:10])
            await stall(taking_none)
            clock.deadlines.limit(idle.connection, 25, "too long")
            clock.pass_by(10)
            clock.now += 3600
            clock.deadlines.tick()
            clock.pass_by(8)
            for client in (begun, idle, taking_none):
                await client.turns()
                assert not client.transport.ended()
            assert clock.deadlines.closed == 0

    run(scenario)


def watched(shared: Shared) -> FakeClient:
    """A client that may not be idle for ever."""
    client = FakeClient(shared, connection_class=connection_class(shared.deadlines))
    assert type(client.connection) is not Connection
    return client


async def stall(client: FakeClient) -> None:
    """Have the client ask for more than may wait, and take none of it."""
    await client.send(asking(Command.ALLOC, size=MIB))
    client.received()
    client.transport.window = 0
    client.offer(asking(Command.READ, 1, size=400 * KIB))


def test_who_takes_nothing_of_much_is_closed() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            clock = Clock()
            client = FakeClient(clock.shared(parts))
            await stall(client)
            clock.pass_by(25)
            client.transport.take(1)  # it is still there
            clock.pass_by(25)
            await client.turns()
            assert not client.transport.ended()
            clock.pass_by(8)
            await client.turns()
            assert client.transport.ended() == "aborted"

    run(scenario)


def test_who_takes_nothing_of_little_is_left_alone() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            clock = Clock()
            client = FakeClient(clock.shared(parts))
            await client.send(asking(Command.ALLOC, size=MIB))
            client.transport.window = 0
            client.offer(asking(Command.READ, 1, size=200 * KIB))
            clock.pass_by(500)
            client.transport.take(MIB)
            await client.turns()
            assert len(lines(client.received())) == 2

    run(scenario)


def test_an_idle_client_is_closed_where_that_is_asked_for() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            clock = Clock(idle_seconds=20)
            shared = clock.shared(parts)
            idle, busy, slow = watched(shared), watched(shared), watched(shared)
            await slow.send(PING[:10])
            for _ in range(2):
                await busy.send(PING)
                clock.pass_by(15)
            await asyncio.sleep(0)
            assert [c.transport.ended() for c in (idle, busy, slow)] == ["eof", "", ""]
            assert len(lines(busy.received())) == 2

    run(scenario)


def test_a_limit_ends_a_client_unless_it_is_freed() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            clock = Clock()
            one, other = (FakeClient(clock.shared(parts)) for _ in range(2))
            for client in (one, other):
                clock.deadlines.limit(client.connection, 10, "who it is was not said in 10 s")
            clock.pass_by(9)
            clock.deadlines.free(other.connection)
            clock.pass_by(3)
            await one.turns()
            assert [one.transport.closed, other.transport.closed] == ["aborted", ""]

    run(scenario)


def test_a_connection_that_is_gone_is_forgotten() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            clock = Clock(idle_seconds=20)
            client = watched(clock.shared(parts))
            await client.send(PING[:10])
            client.connection.pause_writing()
            client.lose()
            clock.pass_by(500)
            assert clock.deadlines.closed == 0

    run(scenario)
