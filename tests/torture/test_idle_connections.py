from __future__ import annotations

import pytest

from idle_connections import before_auth, idle, over_tls
from torture.goals import missed
from trials import KIB, CannotRunHere, Trial


def run(measure: object, *arguments: object) -> list[Trial]:
    assert callable(measure)
    try:
        trials: list[Trial] = measure(*arguments)
    except CannotRunHere as reason:
        pytest.skip(str(reason))
    return trials


def test_an_idle_connection_costs_four_kibibytes() -> None:
    assert missed(idle(1000, most_bytes=4 * 1000 * KIB)) == []


def test_an_idle_connection_over_tls_costs_fifty_kibibytes() -> None:
    assert missed(run(over_tls, 200, 50 * 200 * KIB)) == []


def test_connections_that_cost_more_are_found() -> None:
    assert missed(idle(100, flaw="every connection costs 1 MiB"))


def test_strangers_cost_little_and_are_sent_away() -> None:
    assert missed(run(before_auth, 200)) == []
