from __future__ import annotations

import pytest

from clocks import jumps, stopped
from torture.goals import missed
from trials import CannotRunHere

FLAW = "deadlines by the wall clock"


def test_a_clock_that_jumps_closes_nothing() -> None:
    try:
        assert missed(jumps()) == []
    except CannotRunHere as reason:
        pytest.skip(str(reason))


def test_a_process_that_stood_still_closes_nothing() -> None:
    assert missed(stopped(1.5)) == []


def test_deadlines_by_the_wall_clock_are_found() -> None:
    assert missed(stopped(1.5, flaw=FLAW))
