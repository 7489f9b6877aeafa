from __future__ import annotations

from histories import Answered, Asked, run, step
from talk import FETCH_ADD, FREE, NOT_FOUND, READ
from torture.goals import missed


def test_histories_with_cut_connections_are_linearizable() -> None:
    assert missed(run(40, seed=3)) == []


def test_lost_additions_are_found() -> None:
    assert missed(run(3, flaw="additions get lost"))


def test_a_block_is_what_the_protocol_says() -> None:
    one = (1).to_bytes(8, "big")
    assert step(bytes(8), Asked(FETCH_ADD, 0, 0, one), Answered(0, bytes(8)), False) == (True, one)
    assert step(bytes(8), Asked(FREE), Answered(0), False) == (True, -1)
    assert step(-1, Asked(READ, 0, 8), Answered(NOT_FOUND), False) == (True, -1)
    assert step(bytes(8), Asked(READ, 0, 8), Answered(0, one), False)[0] is False
