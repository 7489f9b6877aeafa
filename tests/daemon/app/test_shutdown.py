"""How the parts end; tests/integration/test_shutdown.py ends real processes."""

from __future__ import annotations

import asyncio

import pytest

from daemon.connection import FakeClient, UnansweredStore, anonymous, lines, on, run, serving
from ether_daemon.app import shutdown
from ether_daemon.app.composition import Composition
from ether_daemon.service.principal import ANONYMOUS
from ether_daemon.settings import Settings
from ether_daemon.stores.future import Answer, Future
from ether_protocol import Command, Message
from ether_protocol.wire.codec import encode

MIB = 1024 * 1024
PING = encode(Message(Command.PING))
WRITE = encode(Message(Command.WRITE, 1, payload=b"abc"))


def drained(parts: Composition, at_once: asyncio.Event) -> asyncio.Task[bool]:
    return asyncio.create_task(shutdown.drain(parts.admission, at_once))


def test_with_nobody_there_it_is_drained_at_once() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            assert await shutdown.drain(parts.admission, asyncio.Event())

    run(scenario)


def test_it_waits_for_requests_in_flight() -> None:
    async def scenario() -> None:
        store = UnansweredStore()
        parts = on(store)
        busy, idle = FakeClient(parts), FakeClient(parts)
        await busy.send(WRITE + PING)
        ending = drained(parts, asyncio.Event())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (busy.transport.ended(), idle.transport.ended()) == ("", "eof")
        idle.lose()
        assert not ending.done()
        store.answer(0, None)
        await busy.turns()
        assert lines(busy.received()) == ["OK #0 handle=1 size=3", "PONG #0"]
        assert busy.transport.ended() == "eof"
        busy.lose()
        assert await ending

    run(scenario)


def test_a_client_accepted_just_now_is_drained_too() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            clients: list[FakeClient] = []
            asyncio.get_running_loop().call_soon(lambda: clients.append(FakeClient(parts)))
            ending = drained(parts, asyncio.Event())
            while not (clients and clients[0].transport.eof):
                await asyncio.sleep(0)
            clients[0].lose()
            assert await ending

    run(scenario)


def test_at_once_means_now() -> None:
    async def scenario() -> None:
        parts = on(UnansweredStore())
        client = FakeClient(parts)
        await client.send(WRITE)
        at_once = asyncio.Event()
        ending = drained(parts, at_once)
        await asyncio.sleep(0)
        at_once.set()
        while not client.transport.closed:
            await asyncio.sleep(0)
        assert client.transport.ended() == "aborted"
        client.lose()
        assert not await ending

    run(scenario)


def test_after_so_many_seconds_clients_are_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutdown, "DRAIN_SECONDS", 0.01)

    async def scenario() -> None:
        parts = on(UnansweredStore())
        client = FakeClient(parts)
        await client.send(WRITE)
        ending = drained(parts, asyncio.Event())
        while not client.transport.closed:
            await asyncio.sleep(0.001)
        client.lose()
        assert not await ending

    run(scenario)


def test_close_frees_everything_whatever_is_still_to_be_done() -> None:
    async def scenario() -> None:
        parts = Composition(Settings(max_memory_bytes=1 << 30))
        blocks = anonymous(parts)
        other = parts.principal("other").blocks
        for size in (1, 1000, 300_000, 100 << 20):
            blocks.alloc(size)
            other.alloc(size)
        blocks.realloc(4, 300_000)  # the rest is still being wiped
        grown = blocks.realloc(4, 30 << 20)
        assert isinstance(grown, Future)
        assert not grown.done()

        await shutdown.close(parts, asyncio.Event())
        assert len(blocks.table) == len(other.table) == 0
        assert parts.quota.blocks == parts.quota.used_bytes == 0
        assert parts.quota.allocations == parts.quota.frees == 8
        assert parts.principal(ANONYMOUS).fast_path is None

    run(scenario)


def test_a_store_that_never_closes_is_waited_for_until_a_second_signal() -> None:
    class NeverCloses(UnansweredStore):
        def close(self) -> Future[None]:  # type: ignore[override]  # it answers later
            return self._ask("close")

    async def scenario() -> None:
        at_once = asyncio.Event()
        closing = asyncio.create_task(shutdown.close(on(NeverCloses()), at_once))
        await asyncio.sleep(0)
        assert not closing.done()
        at_once.set()
        assert await closing is False

    run(scenario)


def test_a_store_that_outlives_the_process_keeps_its_blocks() -> None:
    class SlowToClose(UnansweredStore):
        def close(self) -> Future[None]:  # type: ignore[override]  # it answers later
            return self._ask("close")

    async def scenario() -> None:
        store = SlowToClose()
        parts = on(store)
        closing = asyncio.create_task(shutdown.close(parts, asyncio.Event()))
        await asyncio.sleep(0)
        assert [what for what, _ in store.asked] == ["close"], "nothing is released"
        assert parts.quota.blocks == 1
        assert not closing.done()
        store.answer(0, None)
        await closing

    run(scenario)


def test_answered() -> None:
    async def scenario() -> None:
        async def number(answer: Answer[int]) -> int:
            return await shutdown.answered(answer)

        assert await number(5) == 5
        later: Future[int] = Future()
        waiting = asyncio.create_task(number(later))
        await asyncio.sleep(0)
        assert not waiting.done()
        later.set_result(7)
        assert await waiting == 7
        broken: Future[int] = Future()
        broken.set_exception(OSError("the disk is full"))
        with pytest.raises(OSError, match="the disk is full"):
            await number(broken)

    run(scenario)
