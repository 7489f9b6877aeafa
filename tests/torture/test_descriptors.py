from __future__ import annotations

from descriptors import run
from torture.goals import missed


def test_too_many_clients_neither_spin_nor_flood_the_log() -> None:
    assert missed(run(seconds=1.0)) == []


def test_a_server_that_tries_again_and_again_is_found() -> None:
    assert missed(run(seconds=1.5, flaw="accept spins"))
