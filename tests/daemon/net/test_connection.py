"""What a real socket can't show, or not for sure: the order of replies, and what is logged."""

from __future__ import annotations

import asyncio
import logging
import mmap
import os
import weakref
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.connection import (
    PING,
    PONG,
    FakeClient,
    UnansweredStore,
    anonymous,
    asking,
    lines,
    on,
    replies,
    run,
    serving,
    until,
)
from ether_daemon.app.composition import Composition
from ether_daemon.service.principal import ANONYMOUS
from ether_daemon.settings import Settings
from ether_daemon.stores.contract import Ref, TakeablePayload
from ether_daemon.stores.future import Future
from ether_daemon.stores.memory.store import MemoryStore
from ether_protocol import Command, Message, NoMemory
from ether_protocol.wire.codec import encode
from ether_protocol.wire.messages import Buffer

MIB = 1024 * 1024


def test_a_turn_is_answered_in_one_write() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            client = FakeClient(parts)
            await client.send(asking(Command.ALLOC, size=10) + PING * 3)
            assert client.transport.writes == 1
            assert lines(client.received()) == ["OK #0 handle=1 size=10"] + ["PONG #1"] * 3

    run(scenario)


def test_versions_mix_in_order() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            client = FakeClient(parts)
            old = encode(Message(Command.PING, version=1))
            await client.send(PING + old + PING + old + old)
            assert lines(client.received()) == [
                "PONG #1",
                "PONG v1",
                "PONG #1",
                "PONG v1",
                "PONG v1",
            ]

    run(scenario)


def test_a_long_read_stands_between_its_neighbours() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            client = FakeClient(parts)
            data = os.urandom(MIB)
            await client.send(asking(Command.ALLOC, size=MIB))
            await client.send(asking(Command.WRITE, 1, payload=data))
            client.received()
            read = asking(Command.READ, 1, size=MIB)
            await client.send(PING + read + PING + read + PING)
            got = client.received()
            header = encode(Message(Command.OK, 1, MIB))[:36] + MIB.to_bytes(4, "big")
            assert got == PONG + header + data + PONG + header + data + PONG

    run(scenario)


def test_held_replies_come_in_order_and_what_is_behind_them_is_carried_out_at_once() -> None:
    async def scenario() -> None:
        store = UnansweredStore()
        client = FakeClient(on(store))
        write, read = asking(Command.WRITE, 1, payload=b"abc"), asking(Command.READ, 1, size=3)
        await client.send(PING + write + PING + read + asking(Command.LIST, size=1) + PING)
        assert [what for what, _ in store.asked] == ["write 0", "read 0 3"]
        assert lines(client.received()) == ["PONG #1"]

        store.answer(1, b"xyz")
        assert client.received() == b""
        store.answer(0, None)
        assert lines(client.received()) == [
            "OK #0 handle=1 size=3",
            "PONG #1",
            "OK #0 handle=1 size=3 [3 bytes]",
            "OK #0 size=1 [16 bytes]",
            "PONG #1",
        ]

    run(scenario)


def test_a_late_refusal_has_its_place_too() -> None:
    async def scenario() -> None:
        store = UnansweredStore()
        client = FakeClient(on(store))
        await client.send(asking(Command.WRITE, 1, payload=b"abc") + PING)
        store.fail(0, NoMemory("the disk is full"))
        assert lines(client.received()) == ["NO_MEMORY v2", "PONG #1"]

    run(scenario)


def test_an_answer_that_is_there_before_it_is_waited_for() -> None:
    # The last of a group makes the store commit, within the very call.
    async def scenario() -> None:
        store = UnansweredStore()
        client = FakeClient(on(store))

        def commit_every_third() -> None:
            if len(store.asked) % 3 == 0:
                for _, answer in store.asked[-3:]:
                    answer.set_result(None)

        store.meanwhile = commit_every_third
        writes = [asking(Command.WRITE, 1, payload=b"abc", request_id=n) for n in range(8)]
        await client.send(b"".join(writes) + PING)
        assert len(store.asked) == 8
        assert lines(client.received()) == [f"OK #{number} handle=1 size=3" for number in range(6)]
        store.answer(6, None)
        store.answer(7, None)
        assert lines(client.received())[2:] == ["PONG #1"]

    run(scenario)


def test_answers_that_come_inside_a_turn_that_was_taken_up_lose_nothing_of_it() -> None:
    async def scenario() -> None:
        store = UnansweredStore()
        client = FakeClient(on(store))
        client.transport.window = 0
        store.meanwhile = lambda: store.asked[-1][1].set_result(None)
        # What stands behind a reply that is not taken waits, and is then taken up again.
        writes = [asking(Command.WRITE, 1, payload=b"abc", request_id=n) for n in range(50)]
        client.offer(b"".join(writes) + PING)
        assert len(store.asked) < 50
        assert not client.transport.is_reading()
        client.transport.take(1 << 20)
        await client.turns()
        expected = [f"OK #{number} handle=1 size=3" for number in range(50)]
        assert lines(client.received()) == [*expected, "PONG #1"]

    run(scenario)


def test_one_clients_request_may_settle_anothers() -> None:
    async def scenario() -> None:
        store = UnansweredStore()
        parts = on(store)
        one, other = FakeClient(parts), FakeClient(parts)
        write = asking(Command.WRITE, 1, payload=b"abc", request_id=7)
        await other.send(write + PING + write)

        def settle_everything() -> None:
            for answer in store.unanswered():
                answer.set_result(None)

        store.meanwhile = settle_everything
        await one.send(PING + asking(Command.FILL, 1, size=9, payload=b"x") + PING)
        assert lines(one.received()) == ["PONG #1", "OK #0 handle=1 size=9", "PONG #1"]
        assert lines(other.received()) == [
            "OK #7 handle=1 size=3",
            "PONG #1",
            "OK #7 handle=1 size=3",
        ]

    run(scenario)


def test_a_held_client_is_woken_in_the_middle_of_anothers_turn() -> None:
    # Both have requests waiting; neither may get a byte of the other's replies.
    async def scenario() -> None:
        store = UnansweredStore()
        parts = on(store)
        one, other = FakeClient(parts), FakeClient(parts)
        many = b"".join(asking(Command.WRITE, 1, payload=b"a", request_id=n) for n in range(1030))
        assert other.offer(many + PING * 5) == len(many) + 200
        await until(lambda: len(store.asked) > 1000)
        assert not other.transport.is_reading()
        assert other.received() == b""

        def settle_everything() -> None:
            store.meanwhile = lambda: None
            for answer in store.unanswered():
                answer.set_result(None)

        store.meanwhile = settle_everything
        await one.send(PING * 3 + asking(Command.FILL, 1, size=9, payload=b"x") + PING)
        await other.turns()
        for answer in store.unanswered():
            answer.set_result(None)
        await other.turns()
        assert lines(one.received()) == ["PONG #1"] * 3 + ["OK #0 handle=1 size=9", "PONG #1"]
        got = lines(other.received())
        assert got[:2] == ["OK #0 handle=1 size=1", "OK #1 handle=1 size=1"]
        assert got[-6:] == ["OK #1029 handle=1 size=1"] + ["PONG #1"] * 5
        assert len(got) == 1035

    run(scenario)


def test_an_accident_in_the_store_ends_this_connection_and_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        store = UnansweredStore()
        parts = on(store)
        one, other = FakeClient(parts), FakeClient(parts)
        write = asking(Command.WRITE, 1, payload=b"abc")
        await one.send(write + write + write)
        await other.send(write)
        store.fail(1, ZeroDivisionError("an accident"))
        assert one.transport.closed == "aborted"
        for number in (0, 2, 3):
            store.answer(number, None)
        assert one.received() == b""
        assert lines(other.received()) == ["OK #0 handle=1 size=3"]
        one.lose()

    logging.getLogger("etherd").propagate = True
    run(scenario)
    assert "an accident" in caplog.text


def test_an_accident_in_a_turn_that_was_taken_up_ends_the_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        store = UnansweredStore()
        client = FakeClient(on(store))
        client.transport.window = 0
        store.meanwhile = lambda: store.asked[-1][1].set_result(None)
        client.offer(asking(Command.WRITE, 1, payload=b"abc") * 2)
        assert len(store.asked) == 1, "the other waits until the client takes the first reply"

        def break_down() -> None:
            raise ZeroDivisionError("an accident")

        store.meanwhile = break_down
        client.transport.take(1 << 20)
        await client.turns()
        assert client.transport.closed == "aborted"
        assert lines(client.received()) == ["OK #0 handle=1 size=3"]

    logging.getLogger("etherd").propagate = True
    run(scenario)
    assert "an accident" in caplog.text


class TakingStore(UnansweredStore):
    """It keeps the memory that a long payload arrived in, and answers later."""

    def write(
        self, ref: Ref, offset: int, data: Buffer, payload: TakeablePayload | None = None
    ) -> Future[None]:
        assert payload is not None
        self.taken = payload.take(mmap.mmap(-1, payload.length))
        return super().write(ref, offset, data)


def test_a_store_may_take_a_payload_and_answer_later() -> None:
    async def scenario() -> None:
        store = TakingStore()
        client = FakeClient(on(store))
        await client.send(asking(Command.WRITE, 1, payload=b"x" * 50_000) + PING, [1000])
        assert store.taken[:] == b"x" * 50_000
        store.answer(0, None)
        assert lines(client.received()) == ["OK #0 handle=1 size=50000", "PONG #1"]

    run(scenario)


def test_an_idle_connection_keeps_no_payload() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            client = FakeClient(parts)
            await client.send(asking(Command.ALLOC, size=2 * MIB))
            await client.send(asking(Command.WRITE, 1, payload=b"x" * MIB))
            assert len(lines(client.received())) == 2
            pool = parts.shared.memory.pool
            memory = pool.take(MIB)
            assert memory[:] == b"x" * MIB
            left = weakref.ref(memory)
            pool.give(memory)
            del memory
            pool.tick()
            pool.tick()
            assert left() is None

    run(scenario)


def test_answers_for_a_client_that_is_gone_are_let_go() -> None:
    async def scenario() -> None:
        store = UnansweredStore()
        client = FakeClient(on(store))
        read = asking(Command.READ, 1, size=MIB)
        await client.send(read + read)
        client.lose()

        cancelled: list[int] = []

        class UnwantedRead:
            def __len__(self) -> int:
                return MIB

            def cancel(self) -> None:
                cancelled.append(1)

            def when_over(self, callback: Callable[[], None]) -> None:
                pass

        store.answer(1, UnwantedRead())
        store.answer(0, UnwantedRead())
        assert cancelled == [1, 1]
        assert client.received() == b""

    run(scenario)


def test_the_fast_path_overtakes_nothing_that_is_awaited() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            blocks = anonymous(parts)
            blocks.alloc(100 * MIB)
            blocks.alloc(8)
            client = FakeClient(parts)
            await client.send(PING)  # what comes next may take the fast path
            blocks.realloc(1, MIB)
            client.received()
            grow = asking(Command.REALLOC, 1, size=50 * MIB)
            reads = asking(Command.READ, 2, size=8) + asking(Command.READ, 1, size=8)
            assert client.offer(grow + PING + reads) == 160
            assert client.offer(PING + reads) == 120
            parts.shared.batch.send()
            assert client.received() == b""
            while parts.shared.batch.under_way or not client.connection.send_queue.empty:
                await asyncio.sleep(0)
            read_both = ["OK #0 handle=2 size=8 [8 bytes]", "OK #0 handle=1 size=8 [8 bytes]"]
            grown = f"OK #0 handle=1 size={50 * MIB}"
            assert lines(client.received()) == [grown, *["PONG #1", *read_both] * 2]

    run(scenario)


class MoodyStore(MemoryStore):
    """It answers FILL when a test says so, and everything else at once."""

    def __init__(self) -> None:
        super().__init__(64 * MIB, lambda work: None)
        self.owed: list[Future[None]] = []

    def fill(self, ref: Ref, offset: int, size: int, byte: int) -> Future[None]:  # type: ignore[override]  # later
        super().fill(ref, offset, size, byte)
        self.owed.append(Future())
        return self.owed[-1]


REQUESTS: dict[str, tuple[int, int, dict[str, int | bytes]]] = {
    "ping": (Command.PING, 0, {}),
    "echo": (Command.PING, 0, {"payload": b"hello"}),
    "read": (Command.READ, 1, {"size": 5000}),
    "read of a large block": (Command.READ, 2, {"size": 9}),
    "streamed read": (Command.READ, 2, {"size": MIB}),
    "write": (Command.WRITE, 1, {"payload": b"x" * 3000}),
    "long write": (Command.WRITE, 2, {"payload": b"x" * 20_000}),
    "fill": (Command.FILL, 1, {"size": 9, "payload": b"f"}),
    "fill of a large block": (Command.FILL, 2, {"size": 9, "payload": b"f"}),
    "error": (Command.READ, 99, {"size": 1}),
    "list": (Command.LIST, 0, {"size": 9}),
}
steps = st.one_of(
    st.tuples(st.sampled_from(sorted(REQUESTS)), st.integers(0, 9)),
    st.tuples(st.sampled_from(["arrive", "settle", "take", "pause", "turn"]), st.integers(0, 99)),
)


@settings(max_examples=int(os.environ.get("ETHER_EXAMPLES", "60")), deadline=None)
@given(st.lists(steps, max_size=60))
def test_replies_come_in_the_order_of_the_requests(steps: list[tuple[str, int]]) -> None:
    async def scenario() -> None:
        store = MoodyStore()
        parts = Composition(Settings(64 * MIB), store)
        for size in (5000, MIB):
            anonymous(parts).alloc(size)
        client = FakeClient(parts)
        asked, rest = 0, b""
        for what, number in steps:
            if what == "arrive":
                part = rest[: 1 + number * 200]
                rest = rest[client.offer(part) :]
            elif what == "settle" and store.owed:
                store.owed.pop(number % len(store.owed)).set_result(None)
            elif what == "take":
                client.transport.take(number * 2000)
            elif what == "pause":
                client.transport.window = 0
            elif what == "turn":
                await asyncio.sleep(0)
            elif what in REQUESTS:
                command, handle, fields = REQUESTS[what]
                for _ in range(number):
                    rest += asking(command, handle, request_id=asked, **fields)
                    asked += 1
        client.transport.window = 1 << 40
        client.transport.take(0)
        for _ in range(10_000):
            rest = rest[client.offer(rest) :]
            while store.owed:
                store.owed.pop().set_result(None)
            await asyncio.sleep(0)
            if not rest and client.transport.reading and client.connection.send_queue.empty:
                break
        await client.turns()
        got = client.received()
        assert [reply.request_id for reply in replies(got)] == [*range(asked)]
        counters = parts.principal(ANONYMOUS).counters
        assert (counters.bytes_out, sum(counters.requests)) == (len(got), asked)
        assert client.connection.send_queue.waiting_bytes == 0
        client.lose()

    run(scenario)


# The log


def test_the_log_has_the_lines_of_the_original_server(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("etherd")
    log.propagate = True

    async def scenario() -> None:
        async with serving() as parts:
            client = FakeClient(parts)
            await client.send(PING + asking(Command.ALLOC, size=1024))
            await client.send(asking(Command.WRITE, 1, payload=bytes(100)))
            await client.send(asking(Command.READ, 1, size=MIB) + asking(Command.FREE, 1))
            await client.send(asking(Command.FREE, 1))
            client.lose()

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
        async with serving() as parts:
            client = FakeClient(parts)
            await client.send(PING + asking(Command.FREE, 1) + b"garbage")
            client.lose(ConnectionResetError("reset by peer"))
            FakeClient(parts, ("2001:db8::9", 5, 0, 0)).lose()

    with caplog.at_level(logging.INFO, "etherd"):
        run(scenario)
    assert [record.getMessage() for record in caplog.records if record.name == "etherd"] == [
        "Client connected from 127.0.0.1:54321",
        "Refused 127.0.0.1:54321: CORRUPT, these bytes are not the Ether protocol",
        "Client disconnected: 127.0.0.1:54321 (reset by peer)",
        "Client refused: [2001:db8::9]:5: this server has no authentication configured and serves "
        "only its own machine: start etherd with --auth-file to serve others who say who they "
        "are, or with --insecure to serve every machine that can "
        "reach it",
    ]
