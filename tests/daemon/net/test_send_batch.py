from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from types import SimpleNamespace

import pytest

from daemon.connection import Connection, serving
from ether_daemon.app.composition import EtherService
from ether_daemon.engine.reply_buffer import GATHERED_BYTES, TURN_BYTES, Replies
from ether_daemon.net.busy_poll import IdlePoll
from ether_daemon.net.send_batch import MAX_GATHERED, Rounds
from ether_protocol import Command, Message
from ether_protocol.wire.codec import encode

PING = encode(Message(Command.PING, request_id=1))
PONG = encode(Message(Command.PONG, request_id=1))
HELLO = encode(Message(Command.HELLO))


class Traffic:
    """A server's counters and replies."""

    def __init__(self) -> None:
        self.replies = Replies()
        self.bytes_in = 0
        self.bytes_out = 0


class Client:
    """One that gets what was gathered for it, or breaks."""

    def __init__(self, log: list[str], name: str, breaks: bool = False) -> None:
        self._log = log
        self._name = name
        self._breaks = breaks

    def send_gathered(self, replies: memoryview) -> None:
        if self._breaks:
            raise MemoryError(f"no room for {self._name}")
        self._log.append(f"{self._name} gets {bytes(replies).decode()}")

    def abort(self) -> None:
        self._log.append(f"{self._name} is cut off")


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 30))


def answer(rounds: Rounds, traffic: Traffic, client: Client, text: bytes) -> None:
    """What a session does with the fast path: put replies behind the others, and say so."""
    filled = traffic.replies.filled
    traffic.replies.view[filled : filled + len(text)] = text
    rounds.answer(client, filled + len(text))


def test_what_is_answered_in_a_round_is_sent_at_its_end_in_order() -> None:
    async def scenario() -> None:
        log: list[str] = []
        traffic = Traffic()
        rounds = Rounds(traffic, IdlePoll(0))
        a, b = Client(log, "a"), Client(log, "b")
        rounds.begin()
        for client, text in ((a, b"one"), (b, b"two"), (a, b"three")):
            answer(rounds, traffic, client, text)
        assert log == []
        await asyncio.sleep(0)
        assert log == ["a gets one", "b gets two", "a gets three"]
        assert (traffic.bytes_out, traffic.replies.filled) == (11, 0)
        assert not rounds.under_way
        rounds.send()
        assert len(log) == 3

    run(scenario)


def test_more_than_is_gathered_is_sent_before_that() -> None:
    log: list[str] = []
    traffic = Traffic()
    rounds = Rounds(traffic, IdlePoll(0))
    client = Client(log, "a")
    answer(rounds, traffic, client, b"x" * GATHERED_BYTES)
    assert log == []
    answer(rounds, traffic, client, b"y")
    assert [line[-1] for line in log] == ["x", "y"]
    assert traffic.replies.filled == 0


def test_more_clients_than_a_cache_remembers_are_not_gathered() -> None:
    log: list[str] = []
    traffic = Traffic()
    rounds = Rounds(traffic, IdlePoll(0))
    clients = [Client(log, str(number)) for number in range(MAX_GATHERED + 1)]
    for client in clients:
        answer(rounds, traffic, client, b"x")
    assert log == [f"{number} gets x" for number in range(MAX_GATHERED)]
    rounds.send()
    assert log[MAX_GATHERED:] == [f"{MAX_GATHERED} gets x"]


def test_one_that_breaks_keeps_nothing_from_the_others(caplog: pytest.LogCaptureFixture) -> None:
    log: list[str] = []
    traffic = Traffic()
    rounds = Rounds(traffic, IdlePoll(0))
    answer(rounds, traffic, Client(log, "a", breaks=True), b"one")
    answer(rounds, traffic, Client(log, "b"), b"two")
    with caplog.at_level(logging.ERROR, "etherd"):
        rounds.send()
    assert log == ["a is cut off", "b gets two"]
    assert "no room for a" in caplog.text


def test_it_stays_awake_until_nothing_comes_any_more() -> None:
    async def scenario() -> None:
        now = [0.0]
        traffic = Traffic()
        rounds = Rounds(traffic, IdlePoll(10, lambda: now[0]))
        rounds.begin()
        for seconds in (3, 6, 9):
            now[0] = seconds
            await asyncio.sleep(0)
            assert rounds.under_way
        traffic.bytes_in += 1
        for seconds in (9, 12, 18):
            now[0] = seconds
            await asyncio.sleep(0)
            assert rounds.under_way
        now[0] = 19
        await asyncio.sleep(0)
        assert not rounds.under_way

    run(scenario)


# With sessions


async def greeted(service: EtherService) -> Connection:
    """A connection whose next requests go the short way."""
    connection = Connection(service)
    await connection.send(HELLO)
    connection.received()
    return connection


def test_replies_of_all_sessions_wait_for_the_end_of_the_round() -> None:
    async def scenario() -> None:
        with serving() as service:
            connections = [await greeted(service) for _ in range(3)]
            for connection in connections:
                connection.offer(PING * 2)
            assert [c.received() for c in connections] == [b""] * 3
            before = service.bytes_out
            await asyncio.sleep(0)
            assert [c.received() for c in connections] == [PONG * 2] * 3
            assert service.bytes_out - before == 3 * len(PONG * 2)

    run(scenario)


def test_a_long_way_waits_for_no_ones_short_one() -> None:
    async def scenario() -> None:
        with serving() as service:
            a, b = await greeted(service), await greeted(service)
            a.offer(PING)
            b.offer(PING + HELLO)
            assert a.received() == PONG, "sent, for its memory is wanted"
            assert b.received().startswith(PONG)

    run(scenario)


@pytest.mark.parametrize("how", ["half-closed", "drained", "lost"])
def test_what_ends_a_connection_lets_its_replies_go_first(how: str) -> None:
    async def scenario() -> None:
        with serving() as service:
            connection = await greeted(service)
            connection.offer(PING)
            if how == "half-closed":
                connection.session.eof_received()
            elif how == "drained":
                connection.session.drain()
            else:
                connection.session.connection_lost(None)
            assert connection.received() == PONG

    run(scenario)


def test_a_client_that_takes_nothing_is_read_no_further() -> None:
    async def scenario() -> None:
        with serving() as service:
            connection = await greeted(service)
            connection.transport.window = 10
            connection.offer(PING)
            connection.offer(PING)  # before the end of the round: it is still being read
            await asyncio.sleep(0)
            assert not connection.transport.reading
            assert connection.received() == PONG[:10]
            connection.transport.take(1000)
            assert connection.received() == (PONG * 2)[10:]
            assert connection.transport.reading
            connection.offer(PING)
            await asyncio.sleep(0)
            assert connection.received() == PONG

    run(scenario)


def test_nothing_overtakes_what_the_transport_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        with serving() as service:
            connection = await greeted(service)
            connection.transport.window = 0
            wire = bytearray()

            def write(descriptor: int, data: memoryview) -> int:
                taken = data[: 10 if not wire else None]  # full once, and never again
                wire.extend(taken)
                return len(taken)

            monkeypatch.setattr("ether_daemon.net.send_queue.os", SimpleNamespace(write=write))
            connection.offer(PING)
            connection.offer(PING)
            await asyncio.sleep(0)
            assert bytes(wire) == PONG[:10]
            assert bytes(connection.transport.held) == (PONG * 2)[10:]

    run(scenario)


def test_one_sessions_share_of_a_round_is_bounded() -> None:
    async def scenario() -> None:
        with serving() as service:
            connection = Connection(service)
            await connection.send(encode(Message(Command.ALLOC, size=200_000)))
            connection.received()
            connection.transport.window = 0
            read = encode(Message(Command.READ, 1, 200_000))
            connection.offer(read * 100)
            await asyncio.sleep(0)
            assert not connection.transport.reading
            assert len(connection.transport.held) <= TURN_BYTES + 200_040

    run(scenario)
