from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ether_protocol.tools.decode.reassembly import Missing, Reassembly

FIRST = 2**32 - 3  # so that the numbers wrap soon
STREAM = bytes(range(1, 101))


class Receiver:
    """A reassembly of STREAM whose segments are named by where they begin and end in it."""

    def __init__(self) -> None:
        self.reassembly = Reassembly(FIRST)

    def got(self, start: int, end: int, kept: int | None = None) -> list[bytes | Missing]:
        data = STREAM[start:end]
        return list(self.reassembly.segment((FIRST + start) % 2**32, data[:kept], end - start))

    def acknowledged(self, end: int) -> list[bytes | Missing]:
        return list(self.reassembly.acknowledged((FIRST + end) % 2**32))


def test_segments_in_order() -> None:
    receiver = Receiver()

    assert receiver.got(0, 10) == [STREAM[:10]]
    assert receiver.got(10, 20) == [STREAM[10:20]]
    assert list(receiver.reassembly.end()) == []


def test_segments_that_overtake_each_other() -> None:
    receiver = Receiver()

    assert receiver.got(20, 30) == []
    assert receiver.got(10, 20) == []
    assert receiver.got(0, 10) == [STREAM[:10], STREAM[10:20], STREAM[20:30]]


def test_what_was_sent_twice_is_given_once() -> None:
    receiver = Receiver()

    assert receiver.got(0, 10) == [STREAM[:10]]
    assert receiver.got(0, 10) == []
    assert receiver.got(5, 15) == [STREAM[10:15]]
    assert receiver.got(14, 15) == []  # as TCP's keep-alive
    assert receiver.got(15, 20) == [STREAM[15:20]]


def test_a_gap_is_declared_when_the_other_side_has_it() -> None:
    receiver = Receiver()
    receiver.got(0, 10)

    assert receiver.got(20, 30) == []
    assert receiver.acknowledged(10) == []
    assert receiver.acknowledged(19) == []
    assert receiver.acknowledged(20) == [Missing(10), STREAM[20:30]]
    assert isinstance(Missing(10), int)


def test_a_gap_is_declared_at_the_end() -> None:
    receiver = Receiver()
    receiver.got(10, 20)
    receiver.got(40, 50)

    assert list(receiver.reassembly.end()) == [
        Missing(10),
        STREAM[10:20],
        Missing(20),
        STREAM[40:50],
    ]


def test_a_segment_that_the_capture_cut() -> None:
    receiver = Receiver()

    assert receiver.got(0, 10, kept=4) == [STREAM[:4], Missing(6)]
    assert receiver.got(10, 20, kept=0) == [Missing(10)]
    assert receiver.got(20, 30) == [STREAM[20:30]]


def test_it_knows_where_it_begins() -> None:
    assert Reassembly(5).begins_at(5)
    assert Reassembly(2**32).begins_at(0)
    assert not Reassembly(5).begins_at(6)


@given(st.permutations(range(10)), st.lists(st.integers(0, 9), max_size=5), st.integers(0, 9))
def test_any_order_with_any_repetition(order: list[int], again: list[int], lost: int) -> None:
    receiver = Receiver()
    given_: list[bytes | Missing] = []
    for turn in (*order[:5], *again, *order[5:]):
        if turn != lost:
            given_ += receiver.got(turn * 10, turn * 10 + 10)
    given_ += receiver.reassembly.end()

    whole = b"".join(b"?" * part if isinstance(part, Missing) else part for part in given_)
    gap = b"?" * 10 if lost < 9 else b""
    assert whole == STREAM[: lost * 10] + gap + STREAM[lost * 10 + 10 :]
