from __future__ import annotations

from greed import half_sent_writes, never_read, slowlorises
from torture.goals import missed


def test_half_sent_writes_cost_no_more_than_the_budget() -> None:
    assert missed(half_sent_writes(24)) == []


def test_payloads_that_are_not_counted_are_found() -> None:
    assert missed(half_sent_writes(24, flaw="payloads are not counted"))


def test_replies_that_nobody_takes_cost_no_more_than_the_budget() -> None:
    assert missed(never_read(30)) == []


def test_replies_without_a_limit_are_found() -> None:
    assert missed(never_read(30, flaw="replies wait without limit"))


def test_slow_clients_cost_little() -> None:
    assert missed(slowlorises(200, 0.5)) == []


def test_connections_that_cost_memory_are_found() -> None:
    assert missed(slowlorises(300, 0.3, flaw="every connection costs 1 MiB"))
