from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ether_protocol.tools.decode.reassembly import Missing, Reassembly

FIRST = 2**32 - 3  # so that the numbers wrap soon
STREAM = bytes(range(1, 101))


class Direction:
    """A reassembly of STREAM; its segments are named by where they begin and end in it."""

    def __init__(self) -> None:
        self.reassembly = Reassembly(FIRST)

    def got(self, start: int, end: int, kept: int | None = None) -> list[bytes | Missing]:
        data = STREAM[start:end]
        return list(self.reassembly.segment((FIRST + start) % 2**32, data[:kept], end - start))

    def acknowledged(self, end: int) -> list[bytes | Missing]:
        return list(self.reassembly.acknowledged((FIRST + end) % 2**32))


def test_segments_in_order() -> None:
    direction = Direction()

    assert direction.got(0, 10) == [STREAM[:10]]
    assert direction.got(10, 20) == [STREAM[10:20]]
    assert list(direction.reassembly.end()) == []


def test_segments_that_overtake_each_other() -> None:
    direction = Direction()

    assert direction.got(20, 30) == []
    assert direction.got(10, 20) == []
    assert direction.got(0, 10) == [STREAM[:10], STREAM[10:20], STREAM[20:30]]


def test_repeated_bytes_come_once() -> None:
    direction = Direction()

    assert direction.got(0, 10) == [STREAM[:10]]
    assert direction.got(0, 10) == []
    assert direction.got(5, 15) == [STREAM[10:15]]
    assert direction.got(14, 15) == []  # as TCP's keep-alive
    assert direction.got(15, 20) == [STREAM[15:20]]


def test_a_gap_is_reported_when_the_other_side_acknowledges_it() -> None:
    direction = Direction()
    direction.got(0, 10)

    assert direction.got(20, 30) == []
    assert direction.acknowledged(10) == []
    assert direction.acknowledged(19) == []
    assert direction.acknowledged(20) == [Missing(10), STREAM[20:30]]
    assert isinstance(Missing(10), int)


def test_a_gap_is_reported_at_the_end() -> None:
    direction = Direction()
    direction.got(10, 20)
    direction.got(40, 50)

    assert list(direction.reassembly.end()) == [
        Missing(10),
        STREAM[10:20],
        Missing(20),
        STREAM[40:50],
    ]


def test_a_segment_that_the_capture_cut() -> None:
    direction = Direction()

    assert direction.got(0, 10, kept=4) == [STREAM[:4], Missing(6)]
    assert direction.got(10, 20, kept=0) == [Missing(10)]
    assert direction.got(20, 30) == [STREAM[20:30]]


def test_a_reassembly_knows_its_first_number() -> None:
    assert Reassembly(5).begins_at(5)
    assert Reassembly(2**32).begins_at(0)
    assert not Reassembly(5).begins_at(6)


@given(st.permutations(range(10)), st.lists(st.integers(0, 9), max_size=5), st.integers(0, 9))
def test_any_order_with_any_repetition(order: list[int], again: list[int], lost: int) -> None:
    direction = Direction()
    given_: list[bytes | Missing] = []
    for turn in (*order[:5], *again, *order[5:]):
        if turn != lost:
            given_ += direction.got(turn * 10, turn * 10 + 10)
    given_ += direction.reassembly.end()

    whole = b"".join(b"?" * part if isinstance(part, Missing) else part for part in given_)
    gap = b"?" * 10 if lost < 9 else b""
    assert whole == STREAM[: lost * 10] + gap + STREAM[lost * 10 + 10 :]
