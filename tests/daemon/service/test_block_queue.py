from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from daemon.deferred_list import at_once
from ether_daemon.service.block_queue import BlockQueues
from ether_daemon.service.handle_table import HandleTable
from ether_daemon.stores.future import Answer, Future
from ether_protocol import NotFound


class QueuedRequests:
    """Requests about blocks 1 to 3, answered when a test says so."""

    def __init__(self) -> None:
        self.table = HandleTable()
        for ref in (11, 12, 13):
            self.table.put(self.table.reserve(), ref, 10, 0, 0)
        self.queues = BlockQueues(self.table, at_once)
        self.started: list[str] = []
        self.answers: dict[str, Future[str]] = {}
        self.replies: dict[str, Answer[str]] = {}

    def ask(self, name: str, *handles: int, changes: bool = False) -> Answer[str]:
        """Have a request wait, or start, as the service does."""
        start = self.starting(name)
        if self.queues.must_wait(*handles):
            reply: Answer[str] = self.queues.wait(handles, start, changes=changes)
        else:
            reply = start()
            assert isinstance(reply, Future)
            self.queues.attend(handles, reply, changes=changes)
        self.replies[name] = reply
        return reply

    def starting(self, name: str) -> Callable[[], Answer[str]]:
        def start() -> Answer[str]:
            self.started.append(name)
            self.answers[name] = Future()
            return self.answers[name]

        return start

    def answer(self, name: str) -> None:
        self.answers[name].set_result(name)

    def attended(self) -> list[int]:
        return [handle for handle in (1, 2, 3) if self.table.attended(handle)]


@pytest.fixture
def requests() -> QueuedRequests:
    return QueuedRequests()


def value(answer: Answer[Any]) -> object:
    if not isinstance(answer, Future):
        return answer
    return answer.result() if answer.done() else "pending"


def test_an_answer_that_is_there_leaves_nothing_behind(requests: QueuedRequests) -> None:
    done: Future[None] = Future()
    done.set_result(None)
    requests.queues.attend((1,), done)
    requests.queues.attend((1, 2), done, changes=True)
    assert (len(requests.queues), requests.queues.under_way, requests.attended()) == (0, {}, [])
    assert not requests.queues.must_wait(1)


def test_what_changes_nothing_about_the_handle_keeps_nobody_waiting(
    requests: QueuedRequests,
) -> None:
    for name in ("write", "read", "fill"):
        requests.ask(name, 1)
    assert requests.started == ["write", "read", "fill"]
    requests.ask("free", 1, changes=True)  # the store keeps the order
    assert requests.started[-1] == "free"


def test_everything_waits_for_a_change_and_goes_on_in_order(requests: QueuedRequests) -> None:
    requests.ask("realloc", 1, changes=True)
    for name in ("write", "read"):
        requests.ask(name, 1)
    requests.ask("free", 1, changes=True)
    requests.ask("info", 1)
    assert requests.started == ["realloc"]

    requests.answer("realloc")
    assert requests.started == ["realloc", "write", "read", "free"]
    assert value(requests.replies["info"]) == "pending"
    for name in ("read", "write"):
        requests.answer(name)
        assert value(requests.replies[name]) == name
    assert requests.started[-1] == "free"
    requests.answer("free")
    requests.answer("info")
    assert value(requests.replies["info"]) == "info"
    assert len(requests.queues) == 0


def test_a_request_behind_one_that_waits_waits_as_well(requests: QueuedRequests) -> None:
    requests.ask("realloc", 1, changes=True)
    requests.ask("copy", 1, 2)
    assert requests.queues.must_wait(2)
    requests.ask("write to 2", 2)
    assert requests.started == ["realloc"]
    requests.answer("realloc")
    assert requests.started == ["realloc", "copy", "write to 2"]


def test_other_blocks_do_not_wait(requests: QueuedRequests) -> None:
    requests.ask("realloc", 1, changes=True)
    requests.ask("write", 2)
    assert requests.started == ["realloc", "write"]
    assert requests.queues.must_wait(1, 2)
    assert not requests.queues.must_wait(2, 3)


@pytest.mark.parametrize("first", ["realloc 1", "realloc 2"])
def test_a_copy_starts_when_both_blocks_are_ready(requests: QueuedRequests, first: str) -> None:
    last = {"realloc 1": "realloc 2", "realloc 2": "realloc 1"}[first]
    requests.ask("realloc 1", 1, changes=True)
    requests.ask("realloc 2", 2, changes=True)
    requests.ask("copy", 1, 2)
    requests.ask("write 1", 1)
    requests.ask("write 2", 2)

    requests.answer(first)
    assert requests.started == ["realloc 1", "realloc 2"]
    requests.answer(last)
    assert requests.started[2] == "copy"
    assert sorted(requests.started[3:]) == ["write 1", "write 2"]


def test_copies_that_cross_each_other_do_not_wait_for_ever(requests: QueuedRequests) -> None:
    for handle in (1, 2, 3):
        requests.ask(f"realloc {handle}", handle, changes=True)
    pairs = [(1, 2), (2, 1), (2, 3), (3, 1), (1, 3), (3, 3)]
    for number, pair in enumerate(pairs):
        requests.ask(f"copy {number}", *pair)
    for handle in (3, 1, 2):
        requests.answer(f"realloc {handle}")
    assert requests.started[3:] == [f"copy {number}" for number in range(len(pairs))]
    for number in range(len(pairs)):
        requests.answer(f"copy {number}")
    assert (len(requests.queues), requests.attended()) == (0, [])


def test_a_copy_within_a_block_counts_once(requests: QueuedRequests) -> None:
    requests.ask("copy", 1, 1)
    requests.ask("realloc", 1, changes=True)
    requests.ask("copy later", 1, 1)
    for name in ("copy", "realloc", "copy later"):
        assert requests.attended() == [1]
        requests.answer(name)
    assert (len(requests.queues), requests.attended()) == (0, [])


def test_one_that_fails_lets_the_next_go_on(requests: QueuedRequests) -> None:
    requests.ask("realloc", 1, changes=True)
    requests.ask("free", 1, changes=True)
    requests.answers["realloc"].set_exception(NotFound("gone"))
    assert requests.started == ["realloc", "free"]
    requests.answers["free"].set_exception(NotFound("gone"))
    for name in ("realloc", "free"):
        with pytest.raises(NotFound):
            value(requests.replies[name])
    assert len(requests.queues) == 0


def test_what_fails_when_its_turn_has_come_fails_by_its_answer(requests: QueuedRequests) -> None:
    def refuse() -> Answer[str]:
        raise NotFound("gone meanwhile")

    requests.ask("free", 1, changes=True)
    refused = requests.queues.wait((1, 2), refuse)
    requests.ask("last", 2)
    requests.answer("free")
    with pytest.raises(NotFound, match="gone meanwhile"):
        value(refused)
    assert requests.started == ["free", "last"]
    requests.answer("last")
    assert len(requests.queues) == 0


def test_a_block_is_attended_while_something_is_under_way(requests: QueuedRequests) -> None:
    requests.ask("write", 1)
    requests.ask("realloc", 2, changes=True)
    requests.ask("copy", 2, 3)
    diary = [requests.attended()]
    for name in ("write", "realloc", "copy"):
        requests.answer(name)
        diary.append(requests.attended())
    assert diary == [[1, 2, 3], [2, 3], [2, 3], []]


def test_two_requests_unanswered_attend_until_the_last_is_answered(
    requests: QueuedRequests,
) -> None:
    requests.ask("write", 1)
    requests.ask("read", 1)
    requests.answer("read")
    assert requests.attended() == [1]
    requests.answer("write")
    assert requests.attended() == []


def test_a_block_that_is_freed_meanwhile_needs_no_attention(requests: QueuedRequests) -> None:
    requests.ask("free", 1, changes=True)
    requests.ask("read", 1)
    requests.answers["free"].add_done_callback(lambda: None)
    requests.table.remove(1)
    requests.answer("free")
    requests.answer("read")
    assert (len(requests.queues), requests.table.has(1)) == (0, False)


def test_a_block_that_is_made_behind_a_copy_that_names_it_is_attended(
    requests: QueuedRequests,
) -> None:
    handle = requests.table.reserve()
    requests.ask("realloc", 1, changes=True)
    requests.ask("copy", 1, handle)
    requests.table.put(handle, 14, 10, 0, 0)
    requests.queues.made(handle)
    assert requests.table.attended(handle)
    requests.answer("realloc")
    requests.answer("copy")
    assert not requests.table.attended(handle)

    other = requests.table.reserve()
    requests.table.put(other, 15, 10, 0, 0)
    requests.queues.made(other)
    assert not requests.table.attended(other)


class TakenSlowly:
    """A streamed read that is over when a test says so."""

    def __init__(self) -> None:
        self.over: list[Callable[[], None]] = []

    def __len__(self) -> int:
        return 5

    def take(self, limit: int) -> bytes:
        raise NotImplementedError

    def hand(self, give: Callable[[memoryview], int]) -> None:
        raise NotImplementedError

    def cancel(self) -> None:
        for callback in self.over:
            callback()

    def when_over(self, callback: Callable[[], None]) -> None:
        self.over.append(callback)

    @property
    def kept_bytes(self) -> int:
        raise NotImplementedError

    def when_kept_changes(self, callback: Callable[[], None]) -> None:
        raise NotImplementedError


def test_a_streamed_read_attends_its_block_and_keeps_nobody_waiting(
    requests: QueuedRequests,
) -> None:
    reads = [TakenSlowly(), TakenSlowly()]
    for read in reads:
        requests.queues.stream(1, read)
    requests.ask("free", 1, changes=True)
    assert requests.started == ["free"]
    requests.answer("free")
    reads[0].cancel()
    assert (requests.attended(), len(requests.queues)) == ([1], 1)
    reads[1].cancel()
    assert (requests.attended(), len(requests.queues)) == ([], 0)


def test_a_streamed_read_that_ends_while_a_request_is_under_way(requests: QueuedRequests) -> None:
    read = TakenSlowly()
    requests.queues.stream(1, read)
    requests.ask("write", 1)
    read.cancel()
    assert requests.attended() == [1]
    requests.answer("write")
    assert (requests.attended(), len(requests.queues)) == ([], 0)


def test_who_asks_when_an_answer_comes_comes_last(requests: QueuedRequests) -> None:
    first = requests.ask("first", 1, changes=True)
    requests.ask("second", 1, changes=True)
    assert isinstance(first, Future)
    first.add_done_callback(lambda: requests.ask("third", 1))
    requests.answer("first")
    assert requests.started == ["first", "second"]
    requests.answer("second")
    assert requests.started == ["first", "second", "third"]


def test_who_asks_when_the_last_answer_comes_starts_at_once(requests: QueuedRequests) -> None:
    first = requests.ask("first", 1, changes=True)
    second = requests.ask("second", 1)
    assert isinstance(first, Future)
    assert isinstance(second, Future)
    second.add_done_callback(lambda: requests.ask("third", 1, changes=True))
    second.add_done_callback(lambda: requests.ask("fourth", 1))
    requests.answer("first")
    requests.answer("second")
    assert requests.started == ["first", "second", "third"]
    requests.answer("third")
    requests.answer("fourth")
    assert (requests.attended(), len(requests.queues)) == ([], 0)


def test_what_goes_wrong_with_one_reply_keeps_no_other_request_waiting(
    requests: QueuedRequests,
) -> None:
    def complain() -> None:
        raise RuntimeError("a reply could not be sent")

    first = requests.ask("first", 1, changes=True)
    requests.ask("copy", 1, 2)
    refused = requests.queues.wait((1, 2), lambda: "at once")
    requests.ask("last", 1)
    requests.ask("last of 2", 2)
    assert isinstance(first, Future)
    refused.add_done_callback(complain)
    replied: list[object] = []
    first.add_done_callback(lambda: replied.append(first.result()))

    with pytest.raises(RuntimeError, match="could not be sent"):
        requests.answer("first")
    assert replied == ["first"]
    assert sorted(requests.started) == ["copy", "first", "last", "last of 2"]
    for name in ("copy", "last", "last of 2"):
        requests.answer(name)
    assert (requests.attended(), len(requests.queues)) == ([], 0)


@pytest.mark.parametrize("changes", [True, False])
@pytest.mark.parametrize("how", ["at once", "by a future that is done", "by asking again"])
def test_a_long_queue_does_not_nest(requests: QueuedRequests, how: str, changes: bool) -> None:
    # Python allows about a thousand calls within each other.
    def start(number: int) -> Answer[int]:
        if how == "at once":
            return number
        done: Future[int] = Future()
        done.set_result(number)
        return done

    requests.ask("realloc", 1, changes=True)
    answers = []
    for number in range(3000):
        handles = (1, 2) if number % 7 == 0 else (1,)
        answers.append(
            requests.queues.wait(handles, lambda number=number: start(number), changes=changes)  # type: ignore[misc]
        )
        if how == "by asking again":
            answers[-1].add_done_callback(lambda: requests.ask("more", 3))
    requests.answer("realloc")
    assert [value(answer) for answer in answers] == list(range(3000))
    while requests.answers:
        name, answer = requests.answers.popitem()
        if not answer.done():
            answer.set_result(name)
    assert not requests.queues.must_wait(1, 2)
