from __future__ import annotations

import pytest

from ether_daemon.stores.future import Later, after


class Broken(Exception):
    pass


def test_a_value_is_there_once_it_is_resolved() -> None:
    later: Later[int] = Later()
    before = later.settled

    later.resolve(7)
    assert (before, later.settled, later.result()) == (False, True, 7)


def test_none_is_a_value() -> None:
    later: Later[None] = Later()
    seen: list[object] = []
    later.then(lambda value: seen.append(value))

    later.resolve(None)
    assert seen == [None]


def test_a_failure_is_raised_by_result_each_time() -> None:
    later: Later[int] = Later()
    later.fail(Broken("no"))

    assert later.settled
    for _ in range(2):
        with pytest.raises(Broken, match="no"):
            later.result()


def test_who_waits_is_called_in_order_and_once() -> None:
    later: Later[int] = Later()
    calls: list[str] = []
    for name in "abc":
        later.when_settled(lambda name=name: calls.append(name))  # type: ignore[misc]
    assert calls == []

    later.resolve(1)
    assert calls == ["a", "b", "c"]


def test_who_comes_late_is_called_at_once() -> None:
    later: Later[int] = Later()
    later.resolve(1)
    calls: list[str] = []

    later.when_settled(lambda: calls.append("late"))
    assert calls == ["late"]


def test_then_makes_something_of_the_value() -> None:
    later: Later[int] = Later()
    doubled = later.then(lambda value: value * 2)
    assert not doubled.settled

    later.resolve(21)
    assert doubled.result() == 42


def test_then_may_itself_come_later() -> None:
    first: Later[int] = Later()
    second: Later[str] = Later()

    def step(value: int) -> Later[str]:
        return second.then(lambda text: f"{text}{value}")

    both: Later[str] = first.then(step)

    first.resolve(1)
    assert not both.settled
    second.resolve("n")
    assert both.result() == "n1"


def test_a_failure_passes_by_what_would_have_come_then() -> None:
    later: Later[int] = Later()
    steps: list[int] = []
    made = later.then(steps.append)

    later.fail(Broken())
    with pytest.raises(Broken):
        made.result()
    assert steps == []


def test_what_the_step_raises_is_the_failure() -> None:
    def step(_: int) -> int:
        raise Broken("in the step")

    later: Later[int] = Later()
    made = later.then(step)
    later.resolve(1)

    with pytest.raises(Broken, match="in the step"):
        made.result()


def test_afterwards_runs_after_a_failure_too() -> None:
    later: Later[int] = Later()
    made = later.afterwards(lambda: "done")

    later.fail(Broken())
    assert made.result() == "done"


def test_following_an_answer_that_is_there() -> None:
    later: Later[int] = Later()
    later.follow(5)
    assert later.result() == 5


@pytest.mark.parametrize("early", [True, False])
def test_following_one_that_comes_later(early: bool) -> None:
    leader: Later[int] = Later()
    later: Later[int] = Later()
    if early:
        leader.resolve(5)
    later.follow(leader)
    assert later.settled is early
    if not early:
        leader.resolve(5)
    assert later.result() == 5


def test_following_a_failure() -> None:
    leader: Later[int] = Later()
    later: Later[int] = Later()
    later.follow(leader)
    leader.fail(Broken())
    with pytest.raises(Broken):
        later.result()


def test_what_goes_wrong_in_a_waiter_does_not_settle_it_twice() -> None:
    def complain() -> None:
        raise Broken("in a waiter")

    later: Later[int] = Later()
    made = later.then(lambda value: value + 1)
    follower: Later[int] = Later()
    follower.follow(made)
    settled: list[int] = []
    follower.when_settled(lambda: settled.append(1))
    follower.when_settled(complain)

    with pytest.raises(Broken, match="in a waiter"):
        later.resolve(1)
    assert (made.result(), follower.result(), settled) == (2, 2, [1])


def one_more(value: int) -> int:
    return value + 1


def test_after_an_answer_that_is_there_the_step_is_taken_at_once() -> None:
    assert after(3, one_more) == 4


def test_after_one_that_comes_later_it_waits() -> None:
    later: Later[int] = Later()
    made = after(later, one_more)
    assert isinstance(made, Later)

    later.resolve(3)
    assert made.result() == 4
