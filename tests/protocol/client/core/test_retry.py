from __future__ import annotations

from ether_protocol import Retry


def test_the_first_attempt_is_made_at_once_and_each_pause_is_twice_the_last() -> None:
    delays = Retry(attempts=6, first_delay=0.5, longest_delay=3.0).delays()
    assert list(delays) == [0.0, 0.5, 1.0, 2.0, 3.0, 3.0]


def test_without_attempts_there_is_no_pause() -> None:
    assert list(Retry(attempts=0).delays()) == []
