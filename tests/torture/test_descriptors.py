from __future__ import annotations

from descriptors import run
from torture.goals import missed


def test_too_many_clients_neither_spin_nor_flood_the_log() -> None:
    assert missed(run(seconds=1.0)) == []


def test_nor_do_they_without_uvloop() -> None:
    # What asyncio's loop puts off grows with each second.
    assert missed(run(seconds=6.0, uvloop=False)) == []


def test_a_server_that_tries_again_and_again_is_found() -> None:
    assert missed(run(seconds=1.5, flaw="accept spins"))
