from __future__ import annotations

from ping_probe import Pings
from stalls import QUICK, run
from torture.goals import all_missed


def test_each_load_goes_round_while_others_are_pinged() -> None:
    for trial in run(QUICK, 0.3):
        assert "rounds: " in trial.measured
        assert "hung" not in trial.measured


def test_turns_that_take_too_long_are_found() -> None:
    assert all_missed(run({"flood": 1}, 1.0, flaw="a turn may take 60 ms"))


def test_a_share_of_the_pings() -> None:
    assert Pings([0.001] * 98 + [0.5] * 2).at(0.99) == 0.5
    assert Pings([0.001] * 100).at(1) == 0.001
