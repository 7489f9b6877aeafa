"""What a real socket can't show, or not for sure: order, back-pressure, and every way to end."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from itertools import count
from types import SimpleNamespace

import pytest

from daemon.connection import STRANGER, Connection, LateService, LateStore, serving
from ether_daemon.net import connection as session_module
from ether_daemon.net.send_queue import HIGH_WATER_BYTES
from ether_protocol import ClientConnection, Command, ErrorCode, Message, NoMemory
from ether_protocol.wire.bodies import decode_error
from ether_protocol.wire.codec import encode

MIB = 1024 * 1024
PING = encode(Message(Command.PING, request_id=1))
PONG = encode(Message(Command.PONG, request_id=1))


def asking(command: int, handle: int = 0, **fields: int | bytes) -> bytes:
    return encode(Message(command, handle, **fields))  # type: ignore[arg-type]


def replies(data: bytes) -> list[str]:
    """Replies as lines; every byte must belong to one."""
    lines = []
    while data:
        version = data[4]
        client = ClientConnection()
        client.send(Message(Command.READ, size=1 << 24, version=version))
        request_id = int.from_bytes(data[32:36], "big") if version == 2 else 0
        client._due[0] = client._due[0]._replace(request_id=request_id, answer=data[5])
        header = 40 if version == 2 else 24
        length = int.from_bytes(data[36:40] if version == 2 else data[16:20], "big")
        (reply,) = client.receive_data(data[: header + length])
        if reply.command == Command.ERROR:
            lines.append(f"{ErrorCode(decode_error(reply).code).name} v{reply.version}")
        else:
            lines.append(str(reply))
        data = data[header + length :]
    return lines


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 30))


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


# Order


def test_a_turn_is_answered_in_one_write() -> None:
    async def scenario() -> None:
        with serving() as service:
            connection = Connection(service)
            await connection.send(asking(Command.ALLOC, size=10) + PING * 3)
            assert connection.transport.writes == 1
            assert replies(connection.received()) == ["OK #0 handle=1 size=10"] + ["PONG #1"] * 3

    run(scenario)


def test_versions_mix_in_order() -> None:
    async def scenario() -> None:
        with serving() as service:
            connection = Connection(service)
            old = encode(Message(Command.PING, version=1))
            await connection.send(PING + old + PING + old + old)
            assert replies(connection.received()) == [
                "PONG #1",
                "PONG v1",
                "PONG #1",
                "PONG v1",
                "PONG v1",
            ]

    run(scenario)


def test_a_long_read_stands_between_its_neighbours() -> None:
    async def scenario() -> None:
        with serving() as service:
            connection = Connection(service)
            data = os.urandom(MIB)
            await connection.send(asking(Command.ALLOC, size=MIB))
            await connection.send(asking(Command.WRITE, 1, payload=data))
            connection.received()
            read = asking(Command.READ, 1, size=MIB)
            await connection.send(PING + read + PING + read + PING)
            got = connection.received()
            header = encode(Message(Command.OK, 1, MIB))[:36] + MIB.to_bytes(4, "big")
            assert got == PONG + header + data + PONG + header + data + PONG

    run(scenario)


def test_held_replies_come_in_order_and_what_is_behind_them_is_carried_out_at_once() -> None:
    async def scenario() -> None:
        store = LateStore()
        connection = Connection(LateService(store))
        write, read = asking(Command.WRITE, 1, payload=b"abc"), asking(Command.READ, 1, size=3)
        await connection.send(PING + write + PING + read + asking(Command.LIST, size=1) + PING)
        assert [what for what, _ in store.asked] == ["write 0", "read 0 3"]
        assert replies(connection.received()) == ["PONG #1"]

        store.answer(1, b"xyz")
        assert connection.received() == b""
        store.answer(0, None)
        assert replies(connection.received()) == [
            "OK #0 handle=1 size=3",
            "PONG #1",
            "OK #0 handle=1 size=3 [3 bytes]",
            "OK #0 size=1 [16 bytes]",
            "PONG #1",
        ]

    run(scenario)


def test_a_late_refusal_has_its_place_too() -> None:
    async def scenario() -> None:
        store = LateStore()
        connection = Connection(LateService(store))
        await connection.send(asking(Command.WRITE, 1, payload=b"abc") + PING)
        store.asked[0][1].fail(NoMemory("the disk is full"))
        assert replies(connection.received()) == ["NO_MEMORY v2", "PONG #1"]

    run(scenario)


def test_an_answer_that_is_there_before_it_is_waited_for() -> None:
    # The last of a group makes the store commit, within the very call.
    async def scenario() -> None:
        store = LateStore()
        connection = Connection(LateService(store))

        def commit_every_third() -> None:
            if len(store.asked) % 3 == 0:
                for _, later in store.asked[-3:]:
                    later.resolve(None)

        store.meanwhile = commit_every_third
        writes = [asking(Command.WRITE, 1, payload=b"abc", request_id=n) for n in range(8)]
        await connection.send(b"".join(writes) + PING)
        assert len(store.asked) == 8
        assert replies(connection.received()) == [
            f"OK #{number} handle=1 size=3" for number in range(6)
        ]
        store.answer(6, None)
        store.answer(7, None)
        assert replies(connection.received())[2:] == ["PONG #1"]

    run(scenario)


def test_answers_that_come_inside_a_turn_that_was_taken_up_lose_nothing_of_it() -> None:
    async def scenario() -> None:
        store = LateStore()
        connection = Connection(LateService(store))
        connection.transport.window = 0
        store.meanwhile = lambda: store.asked[-1][1].resolve(None)
        # What stands behind a reply that is not taken waits, and is then taken up again.
        writes = [asking(Command.WRITE, 1, payload=b"abc", request_id=n) for n in range(50)]
        connection.offer(b"".join(writes) + PING)
        assert len(store.asked) < 50
        assert not connection.transport.is_reading()
        connection.transport.take(1 << 20)
        await connection.turns()
        expected = [f"OK #{number} handle=1 size=3" for number in range(50)]
        assert replies(connection.received()) == [*expected, "PONG #1"]

    run(scenario)


def test_one_clients_request_may_settle_anothers() -> None:
    async def scenario() -> None:
        store = LateStore()
        service = LateService(store)
        one, other = Connection(service), Connection(service)
        write = asking(Command.WRITE, 1, payload=b"abc", request_id=7)
        await other.send(write + PING + write)

        def settle_everything() -> None:
            for _, later in store.asked:
                if not later.settled:
                    later.resolve(None)

        store.meanwhile = settle_everything
        await one.send(PING + asking(Command.FILL, 1, size=9, payload=b"x") + PING)
        assert replies(one.received()) == ["PONG #1", "OK #0 handle=1 size=9", "PONG #1"]
        assert replies(other.received()) == [
            "OK #7 handle=1 size=3",
            "PONG #1",
            "OK #7 handle=1 size=3",
        ]

    run(scenario)


def test_a_held_client_is_woken_in_the_middle_of_anothers_turn() -> None:
    # Both have requests waiting; neither may get a byte of the other's replies.
    async def scenario() -> None:
        store = LateStore()
        service = LateService(store)
        one, other = Connection(service), Connection(service)
        many = b"".join(asking(Command.WRITE, 1, payload=b"a", request_id=n) for n in range(1030))
        assert other.offer(many + PING * 5) == len(many) + 200
        await until(lambda: len(store.asked) > 1000)
        assert not other.transport.is_reading()
        assert other.received() == b""

        def settle_everything() -> None:
            store.meanwhile = lambda: None
            for _, later in [*store.asked]:
                if not later.settled:
                    later.resolve(None)

        store.meanwhile = settle_everything
        await one.send(PING * 3 + asking(Command.FILL, 1, size=9, payload=b"x") + PING)
        await other.turns()
        for _, later in [*store.asked]:
            if not later.settled:
                later.resolve(None)
        await other.turns()
        assert replies(one.received()) == ["PONG #1"] * 3 + ["OK #0 handle=1 size=9", "PONG #1"]
        got = replies(other.received())
        assert got[:2] == ["OK #0 handle=1 size=1", "OK #1 handle=1 size=1"]
        assert got[-6:] == ["OK #1029 handle=1 size=1"] + ["PONG #1"] * 5
        assert len(got) == 1035

    run(scenario)


def test_an_accident_in_the_store_ends_this_connection_and_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        store = LateStore()
        service = LateService(store)
        one, other = Connection(service), Connection(service)
        write = asking(Command.WRITE, 1, payload=b"abc")
        await one.send(write + write + write)
        await other.send(write)
        store.asked[1][1].fail(ZeroDivisionError("an accident"))
        assert one.transport.closed == "aborted"
        for number in (0, 2, 3):
            store.answer(number, None)
        assert one.received() == b""
        assert replies(other.received()) == ["OK #0 handle=1 size=3"]
        one.lose()

    logging.getLogger("etherd").propagate = True
    run(scenario)
    assert "an accident" in caplog.text


def test_answers_for_a_client_that_is_gone_are_let_go() -> None:
    async def scenario() -> None:
        store = LateStore()
        connection = Connection(LateService(store))
        read = asking(Command.READ, 1, size=MIB)
        await connection.send(read + read)
        connection.lose()

        cancelled: list[int] = []
        reading = SimpleNamespace(__len__=None, cancel=lambda: cancelled.append(1))

        class Reading:
            def __len__(self) -> int:
                return MIB

            def cancel(self) -> None:
                reading.cancel()

        store.answer(1, Reading())
        store.answer(0, Reading())
        assert cancelled == [1, 1]
        assert connection.received() == b""

    run(scenario)


# Back-pressure


def test_a_client_that_takes_nothing_is_read_no_further_and_costs_little() -> None:
    async def scenario() -> None:
        with serving() as service:
            connection = Connection(service)
            await connection.send(asking(Command.ALLOC, size=16 * MIB))
            connection.received()
            connection.transport.window = 0
            taken = connection.offer(asking(Command.READ, 1, size=16 * MIB) * 100_000)
            assert taken <= MIB
            assert not connection.transport.is_reading()
            assert len(connection.transport.held) < 4 * HIGH_WATER_BYTES

            for _ in range(200):
                connection.transport.take(100_000)
                await connection.turns()
            got = connection.received()
            assert len(got) == 200 * 100_000
            assert len(connection.transport.held) < 4 * HIGH_WATER_BYTES

    run(scenario)


@pytest.mark.parametrize("step", [1, 39, 4096, 300_000])
def test_a_slow_client_gets_every_reply(step: int) -> None:
    async def scenario() -> None:
        with serving() as service:
            connection = Connection(service)
            await connection.send(asking(Command.ALLOC, size=MIB))
            connection.received()
            connection.transport.window = 0
            read = asking(Command.READ, 1, size=400_000)
            stream = (PING * 50 + read + asking(Command.INFO, 9)) * 3
            rest = stream
            got = bytearray()
            while True:
                rest = rest[connection.offer(rest[:5000]) :]
                await connection.turns()
                before = len(got)
                for _ in range(max(1, 20_000 // step)):
                    connection.transport.take(step)
                got += connection.received()
                await connection.turns()
                if not rest and len(got) == before and not connection.transport.held:
                    break
            lines = replies(bytes(got))
            expected = ["PONG #1"] * 50 + ["OK #0 handle=1 size=400000 [400000 bytes]"]
            assert lines == [*expected, "NOT_FOUND v2"] * 3
            assert connection.transport.is_reading()

    run(scenario)


def test_no_more_than_so_many_replies_are_awaited() -> None:
    async def scenario() -> None:
        store = LateStore()
        connection = Connection(LateService(store))
        write = asking(Command.WRITE, 1, payload=b"abc")
        connection.offer(write * 5000)
        await until(lambda: len(store.asked) > 1000)
        await connection.turns()
        asked = len(store.asked)
        assert asked < 1100
        assert not connection.transport.is_reading()
        for number in range(asked):
            store.answer(number, None)
        await connection.turns()
        assert len(store.asked) > asked

    run(scenario)


def test_the_turn_is_over_when_the_time_is(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        with serving() as service:
            one, other = Connection(service, fast=False), Connection(service, fast=False)
            ticks = count()
            # Every look at the clock is two milliseconds.
            clock = SimpleNamespace(monotonic=lambda: next(ticks) * 0.002)
            monkeypatch.setattr(session_module, "time", clock)
            one.offer(PING * 100)
            first = len(replies(one.received()))
            assert 0 < first < 10
            assert not one.transport.is_reading()

            other.offer(PING)
            assert replies(other.received()) == ["PONG #1"]
            await one.turns()
            assert len(replies(one.received())) == 100 - first
            assert one.transport.is_reading()

    run(scenario)


def test_the_turn_is_over_while_the_client_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        with serving() as service:
            connection = Connection(service, fast=False)
            ticks = count()
            clock = SimpleNamespace(monotonic=lambda: next(ticks) * 0.002)
            monkeypatch.setattr(session_module, "time", clock)
            connection.transport.window = 0
            connection.offer(PING * 20)
            for _ in range(10):
                await asyncio.sleep(0)
            assert len(connection.transport.held) < 20 * 40
            assert not connection.transport.is_reading()
            connection.transport.take(1 << 20)
            await connection.turns()
            while not connection.transport.is_reading():
                await asyncio.sleep(0)
            assert replies(connection.received()) == ["PONG #1"] * 20

    run(scenario)


# Being refused


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("peer", [STRANGER, ("2001:db8::9", 5, 0, 0), None])
def test_a_stranger_is_told_why_and_cut_off(
    version: int, peer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "LINGER_SECONDS", 0.01)

    async def scenario() -> None:
        with serving() as service:
            connection = Connection(service, peer)
            request = encode(Message(Command.ALLOC, size=64, version=version))
            await connection.send(request * 3)
            assert replies(connection.received()) == [f"FORBIDDEN v{version}"]
            assert connection.transport.ended() == "eof"
            assert connection.transport.is_reading()  # or the reset would overtake the reply
            assert service.ledger.allocations == 0
            assert connection.offer(request * 10_000) > 0
            await until(lambda: connection.transport.closed)
            connection.lose()
            assert service.empty.is_set()

    run(scenario)


def test_a_stranger_that_says_nothing_is_cut_off_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "LINGER_SECONDS", 0.01)

    async def scenario() -> None:
        with serving() as service:
            connection = Connection(service, STRANGER)
            await until(lambda: connection.transport.closed)
            assert connection.received() == b""

    run(scenario)


def test_one_too_many_is_busy() -> None:
    async def scenario() -> None:
        with serving(max_clients=1) as service:
            first, second = Connection(service), Connection(service)
            await second.send(PING)
            assert replies(second.received()) == ["BUSY v2"]
            assert second.transport.ended() == "eof"
            await first.send(PING)
            first.lose()
            third = Connection(service)
            await third.send(PING)
            assert replies(third.received()) == ["PONG #1"]

    run(scenario)


@pytest.mark.parametrize("length", [1, 1000, 256 * 1024, 3 * MIB])
def test_garbage_of_any_length_gets_one_error_that_can_be_read(length: int) -> None:
    async def scenario() -> None:
        with serving() as service:
            connection = Connection(service)
            await connection.send(PING)
            await connection.send(b"\x16" * length)
            assert replies(connection.received()) == ["PONG #1", "CORRUPT v2"]
            assert connection.transport.ended() == "eof"
            assert connection.transport.is_reading()
            assert connection.transport.ended() in ("", "eof")

    run(scenario)


def test_an_error_behind_replies_that_are_not_taken_is_sent_when_they_are() -> None:
    async def scenario() -> None:
        with serving() as service:
            connection = Connection(service)
            await connection.send(asking(Command.ALLOC, size=MIB))
            connection.received()
            connection.transport.window = 1000
            await connection.send(asking(Command.READ, 1, size=MIB))
            connection.transport.take(MIB // 2)
            await connection.turns()
            connection.transport.take(2 * MIB)
            await connection.turns()
            await connection.send(b"garbage")
            assert replies(connection.received()) == [
                f"OK #0 handle=1 size={MIB} [{MIB} bytes]",
                "CORRUPT v2",
            ]
            assert connection.transport.ended() == "eof"

    run(scenario)


# Ending


def test_half_closed_it_still_answers_everything() -> None:
    async def scenario() -> None:
        store = LateStore()
        connection = Connection(LateService(store))
        await connection.send(asking(Command.WRITE, 1, payload=b"abc") + PING)
        assert connection.session.eof_received()
        assert connection.transport.ended() in ("", "eof")
        store.answer(0, None)
        assert len(replies(connection.received())) == 2
        assert connection.transport.ended() == "closed"

    run(scenario)


@pytest.mark.parametrize(
    "rest", [b"", PING[:17], asking(Command.WRITE, 1, payload=bytes(99_999))[:5000]]
)
def test_half_closed_with_nothing_due_it_closes(rest: bytes) -> None:
    async def scenario() -> None:
        with serving() as service:
            connection = Connection(service)
            await connection.send(PING + rest)
            connection.session.eof_received()
            assert connection.transport.ended() == "closed"
            assert replies(connection.received()) == ["PONG #1"]

    run(scenario)


def test_half_closed_while_it_takes_nothing() -> None:
    async def scenario() -> None:
        with serving() as service:
            connection = Connection(service)
            await connection.send(asking(Command.ALLOC, size=MIB))
            connection.received()
            connection.transport.window = 0
            connection.offer(asking(Command.READ, 1, size=MIB) * 3 + PING)
            # Nothing is read now; the end is seen when everything before it was.
            while not connection.transport.is_reading():
                connection.transport.take(500_000)
                await connection.turns()
            connection.session.eof_received()
            connection.transport.take(1 << 30)
            assert [line[:2] for line in replies(connection.received())] == ["OK"] * 3 + ["PO"]
            assert connection.transport.ended() == "closed"

    run(scenario)


@pytest.mark.parametrize("how", ["idle", "mid-request", "turn over", "blocked", "awaited"])
def test_a_connection_that_is_lost_lets_go_of_everything(how: str) -> None:
    async def scenario() -> None:
        store = LateStore()
        with serving() as service:
            used = LateService(store) if how == "awaited" else service
            connection = Connection(used)
            await connection.send(asking(Command.ALLOC, size=MIB))
            if how == "mid-request":
                await connection.send(asking(Command.WRITE, 1, payload=bytes(MIB))[:-1])
            elif how == "blocked":
                connection.transport.window = 0
                connection.offer(asking(Command.READ, 1, size=MIB) * 5)
            elif how == "turn over":
                connection.session._take_turn = lambda: None  # type: ignore[method-assign]
                connection.offer(PING)
                connection.session._read(False)
            connection.received()
            connection.lose(ConnectionResetError("reset"))
            assert connection.session not in used.sessions
            assert used.empty.is_set()
            # What was under way may still call back.
            connection.session._go_on()
            if how == "awaited":
                store.answer(0, 5)
            if how == "blocked":
                connection.session.resume_writing()
                (mapping,) = service._store.large.values()
                assert mapping.readings == []
            await asyncio.sleep(0)
            assert connection.received() == b""

    run(scenario)


def test_session_blocks_end_with_it_and_others_do_not() -> None:
    async def scenario() -> None:
        with serving() as service:
            one, other = Connection(service), Connection(service)
            for flags in (1, 0, 1, 1):
                await one.send(asking(Command.ALLOC, size=10, flags=flags))
            await other.send(asking(Command.FREE, 3) + asking(Command.ALLOC, size=10, flags=1))
            one.lose()
            await until(lambda: service.ledger.blocks == 2)
            await other.send(asking(Command.LIST, size=9))
            assert replies(other.received())[-1] == "OK #0 size=2 [32 bytes]"
            assert [h for h, _ in other.session.caller.handles.list(0, 9)] == [2, 5]

    run(scenario)


# Draining


def test_draining_an_idle_connection_says_goodbye_and_waits_for_the_client() -> None:
    async def scenario() -> None:
        with serving() as service:
            connection = Connection(service)
            await connection.send(PING)
            connection.session.drain()
            assert connection.transport.ended() == "eof"
            connection.offer(PING * 100)
            assert replies(connection.received()) == ["PONG #1"]
            connection.session.eof_received()
            assert connection.transport.ended() == "closed"

    run(scenario)


def test_a_client_that_does_not_go_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "LINGER_SECONDS", 0.01)

    async def scenario() -> None:
        with serving() as service:
            connection = Connection(service)
            connection.session.drain()
            await until(lambda: connection.transport.closed)
            assert connection.transport.ended() == "closed"  # what is sent is still delivered

    run(scenario)


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("cut", [1, 39, 41, 5000])
def test_draining_finishes_the_request_that_is_being_received(fast: bool, cut: int) -> None:
    async def scenario() -> None:
        with serving() as service:
            connection = Connection(service, fast=fast)
            write = asking(Command.WRITE, 1, payload=b"x" * 20_000, request_id=9)
            await connection.send(asking(Command.ALLOC, size=20_000) + PING + write[:cut])
            connection.received()
            connection.session.drain()
            assert connection.transport.ended() == ""
            connection.offer(write[cut:] + PING * 50)
            assert replies(connection.received()) == ["OK #9 handle=1 size=20000"]
            assert connection.transport.ended() == "eof"
            assert service.caller().handles.read(1, 19_990, 99) == b"x" * 10

    run(scenario)


def test_draining_carries_out_what_has_arrived_and_waits_its_turn() -> None:
    async def scenario() -> None:
        with serving() as service:
            connection = Connection(service)
            await connection.send(asking(Command.ALLOC, size=MIB))
            connection.received()
            connection.transport.window = 0
            read = asking(Command.READ, 1, size=MIB)
            connection.offer(read * 4 + PING + PING[:20])
            assert not connection.transport.is_reading()
            connection.session.drain()
            assert connection.transport.ended() == ""
            while not connection.transport.is_reading():
                connection.transport.take(400_000)
                await connection.turns()
            connection.transport.take(1 << 30)
            assert [line[:2] for line in replies(connection.received())] == ["OK"] * 4 + ["PO"]
            assert connection.transport.ended() == ""
            connection.offer(PING[20:] + PING + PING)
            assert replies(connection.received()) == ["PONG #1"]
            assert connection.transport.ended() == "eof"

    run(scenario)


def test_draining_waits_for_answers_that_come_later() -> None:
    async def scenario() -> None:
        store = LateStore()
        connection = Connection(LateService(store))
        await connection.send(asking(Command.WRITE, 1, payload=b"abc") + PING)
        connection.session.drain()
        assert connection.transport.ended() == ""
        connection.offer(PING * 3)
        store.answer(0, None)
        assert replies(connection.received()) == ["OK #0 handle=1 size=3", "PONG #1"]
        assert connection.transport.ended() == "eof"

    run(scenario)


def test_draining_what_is_already_ending_changes_nothing() -> None:
    async def scenario() -> None:
        with serving() as service:
            connection = Connection(service)
            await connection.send(b"garbage")
            connection.session.drain()
            assert replies(connection.received()) == ["CORRUPT v1"]
            assert connection.transport.ended() == "eof"

    run(scenario)


def test_abort() -> None:
    async def scenario() -> None:
        with serving() as service:
            connection = Connection(service)
            connection.session.abort()
            assert connection.transport.ended() == "aborted"

    run(scenario)


# The log


def test_the_log_has_the_seeds_lines(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("etherd")
    log.propagate = True

    async def scenario() -> None:
        with serving() as service:
            connection = Connection(service)
            await connection.send(PING + asking(Command.ALLOC, size=1024))
            await connection.send(asking(Command.WRITE, 1, payload=bytes(100)))
            await connection.send(asking(Command.READ, 1, size=MIB) + asking(Command.FREE, 1))
            await connection.send(asking(Command.FREE, 1))
            connection.lose()

    with caplog.at_level(logging.DEBUG, "etherd"):
        run(scenario)
    lines = [record.getMessage() for record in caplog.records if record.name == "etherd"]
    assert [line.removesuffix(" (127.0.0.1:54321)") for line in lines] == [
        "Client connected from 127.0.0.1:54321",
        "PING received",
        "PING PONG",
        "ALLOC request: 1024 bytes",
        "ALLOC OK: handle=0x1",
        "WRITE request: handle=0x1 len=100",
        "WRITE OK: handle=0x1",
        "READ request: handle=0x1 len=1048576",
        "READ OK: handle=0x1",
        "FREE request: handle=0x1",
        "FREE OK: handle=0x1",
        "FREE request: handle=0x1",
        "FREE ERROR NOT_FOUND: no block has handle 1",
        "Client disconnected: 127.0.0.1:54321",
    ]


def test_at_info_there_are_connections_and_refusals_only(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("etherd").propagate = True

    async def scenario() -> None:
        with serving() as service:
            connection = Connection(service)
            await connection.send(PING + asking(Command.FREE, 1) + b"garbage")
            connection.lose(ConnectionResetError("reset by peer"))
            Connection(service, ("2001:db8::9", 5, 0, 0)).lose()

    with caplog.at_level(logging.INFO, "etherd"):
        run(scenario)
    assert [record.getMessage() for record in caplog.records if record.name == "etherd"] == [
        "Client connected from 127.0.0.1:54321",
        "Refused 127.0.0.1:54321: CORRUPT, these bytes are not the Ether protocol",
        "Client disconnected: 127.0.0.1:54321 (reset by peer)",
        "Client refused: [2001:db8::9]:5: this server has no authentication configured and serves "
        "only its own machine: start etherd with --insecure to serve every machine that can "
        "reach it",
    ]
