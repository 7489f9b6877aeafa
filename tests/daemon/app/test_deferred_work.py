from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from itertools import count

import pytest

from ether_daemon.app.deferred_work import DeferredWork


def steps(name: str, count: int, diary: list[str]) -> Iterator[None]:
    for number in range(count):
        diary.append(f"{name}{number}")
        yield
    diary.append(f"{name} done")


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        await asyncio.wait_for(scenario(), 30)

    asyncio.run(limited())


def test_works_take_turns_and_are_done_to_their_end() -> None:
    diary: list[str] = []

    async def scenario() -> None:
        deferred = DeferredWork()
        deferred.add(steps("a", 2, diary))
        deferred.add(steps("b", 1, diary))
        assert diary == []  # not in the middle of a request
        while len(diary) < 5:
            await asyncio.sleep(0)

    run(scenario)
    assert diary == ["a0", "b0", "a1", "b done", "a done"]


def test_the_loop_has_its_turn_when_the_time_is_up() -> None:
    # Every look at the clock is a millisecond: two steps fit into a turn.
    looks = count()
    diary: list[str] = []

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        deferred = DeferredWork(lambda: next(looks) / 1000)
        deferred.add(steps("a", 4, diary))

        def request() -> None:
            diary.append("request")
            if "a done" not in diary:
                loop.call_soon(request)

        request()
        while "a done" not in diary:
            await asyncio.sleep(0)

    run(scenario)
    per_turn = " ".join(diary).split("request")
    assert max(turn.count("a") for turn in per_turn) <= 2
    assert [word for word in diary if word != "request"] == ["a0", "a1", "a2", "a3", "a done"]


def test_work_that_adds_work() -> None:
    diary: list[str] = []

    async def scenario() -> None:
        deferred = DeferredWork()

        def parent() -> Iterator[None]:
            deferred.add(steps("child", 1, diary))
            yield
            diary.append("parent done")

        deferred.add(parent())
        while len(diary) < 3:
            await asyncio.sleep(0)

    run(scenario)
    assert sorted(diary) == ["child done", "child0", "parent done"]


def test_it_goes_on_after_a_pause() -> None:
    diary: list[str] = []

    async def scenario() -> None:
        deferred = DeferredWork()
        for name in ("a", "b"):
            deferred.add(steps(name, 1, diary))
            while f"{name} done" not in diary:
                await asyncio.sleep(0)

    run(scenario)
    assert diary == ["a0", "a done", "b0", "b done"]


def test_finish_does_what_is_left_at_once() -> None:
    diary: list[str] = []

    async def scenario() -> None:
        deferred = DeferredWork()
        deferred.add(steps("a", 3, diary))
        deferred.add(steps("b", 1, diary))
        deferred.finish()

    run(scenario)
    assert diary[-1] == "a done"
    assert len(diary) == 6


def test_one_that_fails_does_not_keep_the_others_waiting(caplog: pytest.LogCaptureFixture) -> None:
    diary: list[str] = []

    def broken() -> Iterator[None]:
        yield
        raise MemoryError("no room")

    async def scenario() -> None:
        deferred = DeferredWork()
        deferred.add(broken())
        deferred.add(steps("a", 3, diary))
        while "a done" not in diary:
            await asyncio.sleep(0)

    logging.getLogger("etherd").propagate = True
    run(scenario)
    assert diary == ["a0", "a1", "a2", "a done"]
    assert "Deferred work failed" in caplog.text


def test_without_memory_to_schedule_it_the_next_work_tries_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    diary: list[str] = []

    def no_memory(*_: object) -> None:
        raise MemoryError

    async def scenario() -> None:
        deferred = DeferredWork()
        with monkeypatch.context() as patched:
            patched.setattr(asyncio.get_running_loop(), "call_soon", no_memory)
            with pytest.raises(MemoryError):
                deferred.add(steps("a", 1, diary))
        deferred.add(steps("b", 1, diary))
        while len(diary) < 4:
            await asyncio.sleep(0)

    run(scenario)
    assert diary == ["a0", "b0", "a done", "b done"]
