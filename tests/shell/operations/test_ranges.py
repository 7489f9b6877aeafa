"""How ranges are cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ether_protocol import MAX_PAYLOAD_BYTES
from ether_shell.operations import ranges


@given(st.integers(0, 2**40), st.integers(0, 2**28))
def test_steps_make_up_the_range(offset: int, size: int) -> None:
    at = offset
    for start, step in ranges.steps(offset, size):
        assert start == at
        assert step <= ranges.READ_STEP_BYTES
        at += step
    assert at == offset + size


def test_steps_are_whole_rows_and_whole_groups_of_base64() -> None:
    assert ranges.READ_STEP_BYTES % 16 == 0
    assert ranges.READ_STEP_BYTES % 3 == 0


def test_an_abridged_range_leaves_out_its_middle() -> None:
    assert ranges.abridged(10, 100_000) == ((10, 1024), (1034, 98_464), (99_498, 512))


def test_a_copy_goes_backwards_where_it_would_overtake_itself() -> None:
    most = MAX_PAYLOAD_BYTES
    forwards = [(0, 5, most), (most, most + 5, 1)]
    assert ranges.copy_steps(0, 5, most + 1, same_block=False) == forwards
    assert ranges.copy_steps(0, 5, most + 1, same_block=True) == forwards[::-1]
    assert ranges.copy_steps(5, 0, most + 1, same_block=True) == [
        (5, 0, most),
        (most + 5, most, 1),
    ]
    assert ranges.copy_steps(0, 5, 0, same_block=True) == [(0, 5, 0)]
