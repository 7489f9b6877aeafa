from __future__ import annotations

from ether_daemon.net.busy_poll import _SPELLS_LEFT_OUT, _VAIN_SPELLS, IdlePoll


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def spell(poll: IdlePoll, clock: Clock, *arrivals: float) -> float:
    """How long it stays awake behind an arrival, with more `arrivals` so many seconds later."""
    began, arrived = clock.now, 1
    poll.begin(arrived)
    while poll.goes_on(arrived):
        clock.now += 1
        arrived += sum(began + later == clock.now for later in arrivals)
    return clock.now - began


def test_it_looks_for_as_long_as_was_said_and_no_longer() -> None:
    clock = Clock()
    assert spell(IdlePoll(5, clock), clock) == 5


def test_each_arrival_starts_the_time_anew() -> None:
    clock = Clock()
    poll = IdlePoll(5, clock)
    assert spell(poll, clock, 3) == 8
    assert spell(poll, clock, 3, 8, 12) == 17
    assert spell(poll, clock, 3, 9) == 8, "what comes too late finds it asleep"


def test_zero_seconds_are_no_spell_and_ask_no_clock() -> None:
    def clock() -> float:
        raise AssertionError("asked for the time")

    poll = IdlePoll(0, clock)
    poll.begin(1)
    assert not poll.goes_on(1)
    assert not poll.goes_on(2)


def test_after_spells_in_vain_many_are_left_out() -> None:
    clock = Clock()
    poll = IdlePoll(5, clock)
    vain = [spell(poll, clock) for _ in range(_VAIN_SPELLS)]
    assert vain == [5] * _VAIN_SPELLS
    left_out = [spell(poll, clock, 3) for _ in range(_SPELLS_LEFT_OUT)]
    assert left_out == [0] * _SPELLS_LEFT_OUT
    assert spell(poll, clock, 3) == 8, "then it is tried again"


def test_one_useful_spell_makes_good_for_those_before() -> None:
    clock = Clock()
    poll = IdlePoll(5, clock)
    for _ in range(3):
        assert [spell(poll, clock) for _ in range(_VAIN_SPELLS - 1)] == [5] * (_VAIN_SPELLS - 1)
        assert spell(poll, clock, 3) == 8
