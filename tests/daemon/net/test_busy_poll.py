from __future__ import annotations

from ether_daemon.net.busy_poll import FUTILE_POLLS, POLLS_SKIPPED, BusyPoll


class PollClock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def duration(poll: BusyPoll, clock: PollClock, *arrivals: float) -> float:
    """How long it polls behind an arrival, with more `arrivals` so many seconds later."""
    began, arrived = clock.now, 1
    poll.begin(arrived)
    while poll.goes_on(arrived):
        clock.now += 1
        arrived += sum(began + later == clock.now for later in arrivals)
    return clock.now - began


def test_it_looks_for_as_long_as_was_said_and_no_longer() -> None:
    clock = PollClock()
    assert duration(BusyPoll(5, clock), clock) == 5


def test_each_arrival_starts_the_time_anew() -> None:
    clock = PollClock()
    poll = BusyPoll(5, clock)
    assert duration(poll, clock, 3) == 8
    assert duration(poll, clock, 3, 8, 12) == 17
    assert duration(poll, clock, 3, 9) == 8, "what comes too late finds it asleep"


def test_zero_seconds_are_no_poll_and_ask_no_clock() -> None:
    def clock() -> float:
        raise AssertionError("asked for the time")

    poll = BusyPoll(0, clock)
    poll.begin(1)
    assert not poll.goes_on(1)
    assert not poll.goes_on(2)


def test_after_futile_polls_many_are_skipped() -> None:
    clock = PollClock()
    poll = BusyPoll(5, clock)
    futile = [duration(poll, clock) for _ in range(FUTILE_POLLS)]
    assert futile == [5] * FUTILE_POLLS
    skipped = [duration(poll, clock, 3) for _ in range(POLLS_SKIPPED)]
    assert skipped == [0] * POLLS_SKIPPED
    assert duration(poll, clock, 3) == 8, "then it is tried again"


def test_one_useful_poll_makes_up_for_those_before() -> None:
    clock = PollClock()
    poll = BusyPoll(5, clock)
    for _ in range(3):
        assert [duration(poll, clock) for _ in range(FUTILE_POLLS - 1)] == [5] * (FUTILE_POLLS - 1)
        assert duration(poll, clock, 3) == 8
