from __future__ import annotations

import pytest

from ether_daemon.stores.future import Future, after


class StepFailed(Exception):
    pass


def test_a_value_is_there_once_it_is_set() -> None:
    future: Future[int] = Future()
    before = future.done()

    future.set_result(7)
    assert (before, future.done(), future.result()) == (False, True, 7)


def test_none_is_a_value() -> None:
    future: Future[None] = Future()
    seen: list[object] = []
    future.then(lambda value: seen.append(value))

    future.set_result(None)
    assert seen == [None]


def test_a_failure_is_raised_by_result_each_time() -> None:
    future: Future[int] = Future()
    future.set_exception(StepFailed("no"))

    assert future.done()
    for _ in range(2):
        with pytest.raises(StepFailed, match="no"):
            future.result()


def test_who_waits_is_called_in_order_and_once() -> None:
    future: Future[int] = Future()
    calls: list[str] = []
    for name in "abc":
        future.add_done_callback(lambda name=name: calls.append(name))  # type: ignore[misc]
    assert calls == []

    future.set_result(1)
    assert calls == ["a", "b", "c"]


def test_who_comes_late_is_called_at_once() -> None:
    future: Future[int] = Future()
    future.set_result(1)
    calls: list[str] = []

    future.add_done_callback(lambda: calls.append("late"))
    assert calls == ["late"]


def test_then_makes_something_of_the_value() -> None:
    future: Future[int] = Future()
    doubled = future.then(lambda value: value * 2)
    assert not doubled.done()

    future.set_result(21)
    assert doubled.result() == 42


def test_then_may_itself_come_later() -> None:
    first: Future[int] = Future()
    second: Future[str] = Future()

    def step(value: int) -> Future[str]:
        return second.then(lambda text: f"{text}{value}")

    both: Future[str] = first.then(step)

    first.set_result(1)
    assert not both.done()
    second.set_result("n")
    assert both.result() == "n1"


def test_a_failure_passes_by_what_would_have_come_then() -> None:
    future: Future[int] = Future()
    steps: list[int] = []
    made = future.then(steps.append)

    future.set_exception(StepFailed())
    with pytest.raises(StepFailed):
        made.result()
    assert steps == []


def test_what_the_step_raises_is_the_failure() -> None:
    def step(_: int) -> int:
        raise StepFailed("in the step")

    future: Future[int] = Future()
    made = future.then(step)
    future.set_result(1)

    with pytest.raises(StepFailed, match="in the step"):
        made.result()


def test_afterwards_runs_after_a_failure_too() -> None:
    future: Future[int] = Future()
    made = future.afterwards(lambda: "done")

    future.set_exception(StepFailed())
    assert made.result() == "done"


def test_following_an_answer_that_is_there() -> None:
    future: Future[int] = Future()
    future.follow(5)
    assert future.result() == 5


@pytest.mark.parametrize("early", [True, False])
def test_following_one_that_comes_later(early: bool) -> None:
    leader: Future[int] = Future()
    future: Future[int] = Future()
    if early:
        leader.set_result(5)
    future.follow(leader)
    assert future.done() is early
    if not early:
        leader.set_result(5)
    assert future.result() == 5


def test_following_a_failure() -> None:
    leader: Future[int] = Future()
    future: Future[int] = Future()
    future.follow(leader)
    leader.set_exception(StepFailed())
    with pytest.raises(StepFailed):
        future.result()


def test_what_goes_wrong_in_a_waiter_does_not_settle_it_twice() -> None:
    def complain() -> None:
        raise StepFailed("in a waiter")

    future: Future[int] = Future()
    made = future.then(lambda value: value + 1)
    follower: Future[int] = Future()
    follower.follow(made)
    settled: list[int] = []
    follower.add_done_callback(lambda: settled.append(1))
    follower.add_done_callback(complain)

    with pytest.raises(StepFailed, match="in a waiter"):
        future.set_result(1)
    assert (made.result(), follower.result(), settled) == (2, 2, [1])


def test_what_goes_wrong_in_a_waiter_keeps_no_other_from_being_called() -> None:
    def complain(text: str) -> None:
        raise StepFailed(text)

    future: Future[int] = Future()
    calls: list[str] = []
    future.add_done_callback(lambda: calls.append("first"))
    future.add_done_callback(lambda: complain("second"))
    future.add_done_callback(lambda: complain("third"))
    future.add_done_callback(lambda: calls.append("fourth"))

    with pytest.raises(StepFailed, match="second"):
        future.set_result(1)
    assert calls == ["first", "fourth"]


def one_more(value: int) -> int:
    return value + 1


def test_after_an_answer_that_is_there_the_step_is_taken_at_once() -> None:
    assert after(3, one_more) == 4


def test_after_one_that_comes_later_it_waits() -> None:
    future: Future[int] = Future()
    made = after(future, one_more)
    assert isinstance(made, Future)

    future.set_result(3)
    assert made.result() == 4
