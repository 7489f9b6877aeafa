"""When the rest of what a client sends is read in the next round."""

from __future__ import annotations

from ether_daemon.net.flood_pacing import (
    FLOOD_SECONDS,
    LONG_REPLIES_BYTES,
    LONG_SECONDS,
    ROUND_SECONDS,
    SHORT_REPLIES_BYTES,
    SHORT_SECONDS,
    FloodPacing,
    Pace,
)


def test_long_messages_are_read_on_until_the_round_has_lasted_long_enough() -> None:
    pacing = FloodPacing()
    late = 1.0 + ROUND_SECONDS + 0.001
    assert [pacing.full(now, 7, 160, 0.0) for now in (1.0, 1.0 + ROUND_SECONDS / 2, late)] == [
        Pace.READ_ON,
        Pace.READ_ON,
        Pace.PAUSE,
    ]
    assert pacing.full(late, 8, 160, 0.0) is Pace.READ_ON, "another round begins"


def test_many_short_requests_are_lent_less_at_once() -> None:
    pacing = FloodPacing()
    assert pacing.full(1.0, 7, SHORT_REPLIES_BYTES, 0.0) is Pace.PAUSE_AND_LEND_LESS
    assert pacing.full(1.0, 8, LONG_REPLIES_BYTES, 0.0) is Pace.PAUSE
    assert pacing.full(1.0 + FLOOD_SECONDS / 2, 9, 0, LONG_SECONDS) is Pace.PAUSE


def test_long_messages_are_lent_everything_again_after_one_slow_turn() -> None:
    pacing = FloodPacing()
    assert pacing.full(1.0, 7, 0, 2 * SHORT_SECONDS) is Pace.PAUSE_AND_LEND_LESS
    assert pacing.full(1.0, 8, 40, LONG_SECONDS / 2) is Pace.LEND_ALL
    assert pacing.full(1.0, 8, 160, LONG_SECONDS / 2) is Pace.READ_ON


def test_a_flood_is_over_when_no_buffer_was_filled_for_a_while() -> None:
    pacing = FloodPacing()
    pacing.full(1.0, 7, SHORT_REPLIES_BYTES, 0.0)
    assert pacing.full(1.1 + FLOOD_SECONDS, 8, 0, 0.0) is Pace.LEND_ALL
    assert pacing.full(1.1 + FLOOD_SECONDS, 8, 0, 0.0) is Pace.READ_ON
    assert pacing.full(1.2 + FLOOD_SECONDS, 9, SHORT_REPLIES_BYTES, 0.0) is Pace.PAUSE_AND_LEND_LESS


def test_a_buffer_that_took_long_held_short_requests() -> None:
    pacing = FloodPacing()
    assert pacing.full(1.0, 7, 0, SHORT_SECONDS / 2) is Pace.READ_ON
    assert pacing.full(1.0, 7, 0, SHORT_SECONDS * 1.1) is Pace.PAUSE_AND_LEND_LESS
