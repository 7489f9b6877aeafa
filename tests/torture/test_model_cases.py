from __future__ import annotations

from model_cases import play, run
from torture.goals import missed


def test_cases_are_shared_out_and_find_nothing() -> None:
    assert missed(run(30)) == []


def test_a_planted_flaw_is_found() -> None:
    assert missed(run(300, flaw="write overtakes"))


def test_a_machine_plays_in_this_process() -> None:
    assert play("blocks", 3) == ""
