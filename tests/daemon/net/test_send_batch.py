from __future__ import annotations

import asyncio
import logging
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.connection import PING, PONG, FakeClient, lines, run, serving
from daemon.net.sinks import FakeSink, streamed
from ether_daemon.app.composition import Composition
from ether_daemon.engine.reply_buffer import BATCH_BYTES, TURN_BYTES, ReplyBuffer
from ether_daemon.net.busy_poll import BusyPoll
from ether_daemon.net.send_batch import MAX_BATCHED, SendBatch
from ether_daemon.net.send_queue import Piece, SendQueue
from ether_daemon.service.principal import ANONYMOUS, PrincipalCounters
from ether_daemon.stores.future import Future
from ether_daemon.stores.memory.store import MemoryStore
from ether_protocol import Command, Message
from ether_protocol.wire.codec import encode

MIB = 1024 * 1024
HELLO = encode(Message(Command.HELLO))


class Listener:
    """A recipient that writes down what it gets, or breaks."""

    def __init__(self, log: list[str], name: str, breaks: bool = False) -> None:
        self.send_queue = SendQueue(self)
        self.counters = PrincipalCounters()
        self._log = log
        self.name = name
        self._breaks = breaks

    def not_taken(self) -> None:
        self._log.append(f"{self.name} is read no more")

    def write(self, data: bytes | bytearray) -> None:
        if self._breaks:
            raise MemoryError(f"no room for {self.name}")
        self._log.append(f"{self.name} gets {data.decode()}")

    def writelines(self, list_of_data: list[bytearray]) -> None:
        self.write(b"".join(list_of_data))

    def get_write_buffer_size(self) -> int:
        return 0

    def abort(self) -> None:
        self._log.append(f"{self.name} is cut off")


def answer(batch: SendBatch, client: Listener, text: bytes, *, within_turn: bool = False) -> None:
    """What the fast path does: put replies behind the others, and say so."""
    filled = batch.replies.filled
    batch.replies.view[filled : filled + len(text)] = text
    say = batch.answered_within_turn if within_turn else batch.answered
    say(client, filled + len(text))


def test_what_is_answered_in_a_round_is_sent_at_its_end_in_order() -> None:
    async def scenario() -> None:
        log: list[str] = []
        batch = SendBatch(ReplyBuffer(), BusyPoll(0))
        a, b = Listener(log, "a"), Listener(log, "b")
        batch.begin()
        for client, text in ((a, b"one"), (b, b"two"), (a, b"three")):
            answer(batch, client, text)
        assert log == []
        await asyncio.sleep(0)
        assert log == ["a gets one", "b gets two", "a gets three"]
        assert batch.replies.filled == 0
        assert not batch.under_way
        batch.send()
        assert len(log) == 3

    run(scenario)


def test_a_round_without_memory_to_schedule_its_end_is_begun_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_memory(*_: object) -> None:
        raise MemoryError

    async def scenario() -> None:
        log: list[str] = []
        batch = SendBatch(ReplyBuffer(), BusyPoll(0))
        with monkeypatch.context() as patched:
            patched.setattr(asyncio.get_running_loop(), "call_soon", no_memory)
            with pytest.raises(MemoryError):
                batch.begin()
        assert not batch.under_way, "nobody would be answered any more"
        batch.begin()
        answer(batch, Listener(log, "a"), b"one")
        await asyncio.sleep(0)
        assert log == ["a gets one"]

    run(scenario)


def test_a_full_batch_is_sent_before_the_round_ends() -> None:
    log: list[str] = []
    batch = SendBatch(ReplyBuffer(), BusyPoll(0))
    a, b = Listener(log, "a"), Listener(log, "b")
    answer(batch, a, b"x" * BATCH_BYTES)
    assert log == []
    answer(batch, b, b"y")
    assert [line[-1] for line in log] == ["x", "y"]
    assert batch.replies.filled == 0


def test_replies_of_one_client_that_stand_together_are_sent_together() -> None:
    log: list[str] = []
    batch = SendBatch(ReplyBuffer(), BusyPoll(0))
    a, b = Listener(log, "a"), Listener(log, "b")
    answer(batch, a, b"1")
    batch.put(a, b"2", b"3")
    answer(batch, a, b"4", within_turn=True)
    answer(batch, b, b"5")
    answer(batch, a, b"6")
    batch.send()
    assert log == ["a gets 1234", "b gets 5", "a gets 6"]


def test_another_arrival_of_a_client_is_sent_by_itself() -> None:
    log: list[str] = []
    batch = SendBatch(ReplyBuffer(), BusyPoll(0))
    a = Listener(log, "a")
    for reply in (b"1", b"2"):
        answer(batch, a, reply)
    batch.send()
    assert log == ["a gets 1", "a gets 2"]


def test_a_turn_of_the_only_client_does_not_wait_for_others() -> None:
    async def scenario() -> None:
        log: list[str] = []
        batch = SendBatch(ReplyBuffer(), BusyPoll(0))
        a, b = Listener(log, "a"), Listener(log, "b")

        async def turn(*recipients: Listener) -> list[str]:
            batch.begin()
            for recipient in recipients:
                batch.put(recipient, b"!", b"")
                batch.end_turn()
            at_once = log[:]
            await asyncio.sleep(0)
            assert log == [f"{recipient.name} gets !" for recipient in recipients]
            log.clear()
            return at_once

        assert await turn(a) == []  # nobody knows yet
        assert await turn(a) == ["a gets !"]
        assert await turn(a, b) == ["a gets !"]
        assert await turn(a, b) == []
        assert await turn(a) == []
        assert await turn(b) == ["b gets !"]

    asyncio.run(scenario())


def test_what_goes_behind_the_batch_has_it_sent_first() -> None:
    log: list[str] = []
    batch = SendBatch(ReplyBuffer(), BusyPoll(0))
    a, b = Listener(log, "a"), Listener(log, "b")
    answer(batch, a, b"1")
    batch.put_pieces(b, [b"2"])
    answer(batch, a, b"3")
    late: Future[list[Piece]] = Future()
    batch.put_later(a, late, a.send_queue.pump, 0)
    assert not batch.all_sent(a)
    assert batch.all_sent(b)
    answer(batch, b, b"4")
    batch.forget(a)
    assert log == ["a gets 1", "b gets 2", "a gets 3", "b gets 4"]
    late.set_result([b"for nobody"])
    assert len(log) == 4
    assert batch.all_sent(a)


def test_what_was_sent_is_wiped_and_what_waits_is_not() -> None:
    log: list[str] = []
    batch = SendBatch(ReplyBuffer(), BusyPoll(0))
    answer(batch, Listener(log, "a"), b"secret")
    batch.wipe()
    batch.send()
    assert log == ["a gets secret"]
    batch.wipe()
    assert bytes(batch.replies.data) == bytes(len(batch.replies.data))


def test_more_clients_than_a_cache_remembers_are_not_batched() -> None:
    log: list[str] = []
    batch = SendBatch(ReplyBuffer(), BusyPoll(0))
    clients = [Listener(log, str(number)) for number in range(MAX_BATCHED + 1)]
    for client in clients:
        answer(batch, client, b"x")
    assert log == [f"{number} gets x" for number in range(MAX_BATCHED)]
    batch.send()
    assert log[MAX_BATCHED:] == [f"{MAX_BATCHED} gets x"]


def test_one_that_breaks_keeps_nothing_from_the_others(caplog: pytest.LogCaptureFixture) -> None:
    log: list[str] = []
    batch = SendBatch(ReplyBuffer(), BusyPoll(0))
    answer(batch, Listener(log, "a", breaks=True), b"one")
    answer(batch, Listener(log, "b"), b"two")
    with caplog.at_level(logging.ERROR, "etherd"):
        batch.send()
    assert log == ["a is cut off", "b gets two"]
    assert "no room for a" in caplog.text


def test_it_polls_until_nothing_comes_any_more() -> None:
    async def scenario() -> None:
        now = [0.0]
        batch = SendBatch(ReplyBuffer(), BusyPoll(10, lambda: now[0]))
        batch.begin()
        for seconds in (3, 6, 9):
            now[0] = seconds
            await asyncio.sleep(0)
            assert batch.under_way
        batch.arrivals += 1
        for seconds in (9, 12, 18):
            now[0] = seconds
            await asyncio.sleep(0)
            assert batch.under_way
        now[0] = 19
        await asyncio.sleep(0)
        assert not batch.under_way

    run(scenario)


# With connections


async def greeted(parts: Composition) -> FakeClient:
    """A connection whose next requests take the fast path."""
    client = FakeClient(parts)
    await client.send(HELLO)
    client.received()
    return client


def test_replies_of_all_clients_wait_for_the_end_of_the_round() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            clients = [await greeted(parts) for _ in range(3)]
            for client in clients:
                client.offer(PING * 2)
            assert [c.received() for c in clients] == [b""] * 3
            counters = parts.principal(ANONYMOUS).counters
            before = counters.bytes_out
            await asyncio.sleep(0)
            assert [c.received() for c in clients] == [PONG * 2] * 3
            assert counters.bytes_out - before == 3 * len(PONG * 2)

    run(scenario)


def test_the_slow_path_replies_in_the_same_batch() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            a, b = await greeted(parts), await greeted(parts)
            a.offer(PING)
            b.offer(PING + HELLO + PING)
            b.transport.writes = 0
            await asyncio.sleep(0)
            assert a.received() == PONG
            got = b.received()
            assert got.startswith(PONG)
            assert got.endswith(PONG)
            assert len(lines(got)) == 3
            assert b.transport.writes == 1

    run(scenario)


def test_what_a_lingering_client_sends_begins_no_round() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            client = await greeted(parts)
            client.connection.drain()
            assert client.transport.ended() == "eof"
            client.offer(PING)
            assert not parts.shared.batch.under_way

    run(scenario)


@pytest.mark.parametrize("how", ["half-closed", "drained", "lost"])
def test_what_ends_a_connection_lets_its_replies_go_first(how: str) -> None:
    async def scenario() -> None:
        async with serving() as parts:
            client = await greeted(parts)
            client.offer(PING)
            if how == "half-closed":
                client.connection.eof_received()
            elif how == "drained":
                client.connection.drain()
            else:
                client.connection.connection_lost(None)
            assert client.received() == PONG

    run(scenario)


def test_a_client_that_takes_nothing_is_read_no_further() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            client = await greeted(parts)
            client.transport.window = 10
            client.offer(PING)
            client.offer(PING)  # before the end of the round: it is still being read
            await asyncio.sleep(0)
            assert not client.transport.is_reading()
            assert client.received() == PONG[:10]
            client.transport.take(1000)
            assert client.received() == (PONG * 2)[10:]
            await client.turns()
            assert client.transport.is_reading()
            client.offer(PING)
            await asyncio.sleep(0)
            assert client.received() == PONG

    run(scenario)


def test_nothing_overtakes_what_the_transport_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with serving() as parts:
            client, other = await greeted(parts), await greeted(parts)
            client.transport.window = 0
            wire = bytearray()
            real_write = os.write

            def write(descriptor: int, data: memoryview) -> int:
                if descriptor >= 0:
                    return real_write(descriptor, data)
                taken = data[: 10 if not wire else None]  # full once, and never again
                wire.extend(taken)
                return len(taken)

            monkeypatch.setattr(os, "write", write)
            client.offer(PING)
            other.offer(PING)  # or the two would be sent as one
            client.offer(PING)
            await asyncio.sleep(0)
            assert bytes(wire) == PONG[:10] + PONG
            assert bytes(client.transport.held) == (PONG * 2)[10:]

    run(scenario)


def test_one_clients_share_of_a_round_is_bounded() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            client = FakeClient(parts)
            await client.send(encode(Message(Command.ALLOC, size=200_000)))
            client.received()
            client.transport.window = 0
            read = encode(Message(Command.READ, 1, 200_000))
            client.offer(read * 100)
            await asyncio.sleep(0)
            assert not client.transport.is_reading()
            assert len(client.transport.held) <= TURN_BYTES + 200_040

    run(scenario)


# Whoever sends when


class ByteRecipient(FakeSink):
    """A recipient of bytes, which takes them when it is told to."""

    def __init__(self) -> None:
        super().__init__(0)
        self.expected = bytearray()
        self.counters = PrincipalCounters()

    def not_taken(self) -> None:
        """Its replies wait in its send queue."""

    def abort(self) -> None:
        raise AssertionError("a reply could not be sent")


SMALL, LONG = st.integers(0, 30_000), st.integers(256 * 1024 + 1, 400_000)
actions = st.one_of(
    st.tuples(st.sampled_from(["answered", "put", "pieces", "later"]), st.integers(0, 2), SMALL),
    st.tuples(st.sampled_from(["streamed", "later streamed"]), st.integers(0, 2), LONG),
    st.tuples(st.sampled_from(["settle", "settled already"]), st.integers(0, 9), SMALL),
    st.tuples(st.sampled_from(["pause", "resume"]), st.integers(0, 2), st.integers(0, 500_000)),
    st.tuples(st.just("round ends"), st.just(0), st.just(0)),
)


@settings(
    max_examples=int(os.environ.get("ETHER_EXAMPLES", "100")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.lists(actions, max_size=40))
def test_replies_keep_their_order_whoever_sends_when(steps: list[tuple[str, int, int]]) -> None:
    store = MemoryStore(64 * MIB, lambda work: None)
    batch = SendBatch(ReplyBuffer(), BusyPoll(0))
    streams = [ByteRecipient(), ByteRecipient(), ByteRecipient()]
    waiting: list[tuple[Future[list[Piece]], list[Piece]]] = []

    def later(stream: ByteRecipient, made: list[Piece], held_bytes: int) -> Future[list[Piece]]:
        answer: Future[list[Piece]] = Future()
        batch.put_later(stream, answer, stream.send_queue.pump, held_bytes)
        waiting.append((answer, made))
        return answer

    for number, (what, who, size) in enumerate(steps, 1):
        stream = streams[who % 3]
        data = bytes([number]) * size
        if what == "settle":
            if waiting:
                future, made = waiting.pop(who % len(waiting))
                future.set_result(made)
        elif what == "pause":
            stream.window = 0
        elif what == "resume":
            stream.take(size)
        elif what == "round ends":
            batch.send()
        else:
            stream.expected += data
            if what == "answered":
                filled = batch.replies.filled
                batch.replies.view[filled : filled + size] = data
                batch.answered(stream, filled + size)
            elif what == "put":
                batch.put(stream, data[:40], data[40:])
            elif what == "pieces":
                batch.put_pieces(stream, [data[:40], data[40:]])
            elif what == "streamed":
                batch.put_pieces(stream, [b"", streamed(store, data)])
            elif what == "later":
                later(stream, [data[:40], data[40:]], size)
            elif what == "later streamed":
                later(stream, [streamed(store, data)], 0)
            else:
                answer: Future[list[Piece]] = Future()
                answer.set_result([data])
                batch.put_later(stream, answer, stream.send_queue.pump, size)
    for future, made in reversed(waiting):
        future.set_result(made)
    for stream in streams:
        while not batch.all_sent(stream) or stream.kept:
            stream.take(1 << 20)
        assert stream.sent == stream.expected
        assert stream.send_queue.waiting_bytes == 0
    store.close()
