from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ether_protocol.sansio.payload import GrowingPayload

MIB = 1024 * 1024


def test_it_grows_with_what_has_arrived() -> None:
    payload = GrowingPayload(16 * MIB)
    arrived = 0
    while payload.missing:
        assert payload.missing == 16 * MIB - arrived
        with payload.room() as room:
            assert 0 < len(room) <= max(256 * 1024, arrived), "a length is only a claim"
            count = len(room)
        payload.filled(count)
        arrived += count
    assert len(payload.value()) == 16 * MIB


def test_only_what_belongs_to_it_is_taken_in() -> None:
    payload = GrowingPayload(10)
    assert payload.take_in(memoryview(b"0123456")) == 7
    assert payload.missing == 3
    assert payload.take_in(memoryview(b"789 and the next message")) == 3
    assert payload.take_in(memoryview(b"more")) == 0
    assert payload.value() == b"0123456789"


def test_it_fills_the_callers_buffer_and_leaves_the_rest_of_it() -> None:
    target = bytearray(b"." * 12)
    payload = GrowingPayload(10, memoryview(target))
    assert len(payload.room()) == 10
    payload.take_in(memoryview(b"0123"))
    with payload.room() as room:
        room[:3] = b"456"
    payload.filled(3)
    payload.take_in(memoryview(b"789"))
    assert payload.missing == 0
    assert target == b"0123456789.."
    assert payload.value() == b"0123456789"


def test_a_buffer_that_nobody_waits_for_is_left_alone() -> None:
    target = bytearray(10)
    payload = GrowingPayload(10, memoryview(target))
    payload.take_in(memoryview(b"0123"))
    payload.divert()
    payload.take_in(memoryview(b"456789"))
    assert payload.missing == 0
    assert target == b"0123" + bytes(6)


def test_without_a_callers_buffer_there_is_nothing_to_leave() -> None:
    payload = GrowingPayload(4)
    payload.take_in(memoryview(b"01"))
    payload.divert()
    payload.take_in(memoryview(b"23"))
    assert payload.value() == b"0123"


def test_the_whole_of_it_is_not_copied() -> None:
    data = os.urandom(1000)
    payload = GrowingPayload(1000)
    payload.adopt(data)
    assert payload.missing == 0
    assert payload.value() is data


def test_untouched_means_that_it_may_still_be_received_anywhere() -> None:
    payloads = [GrowingPayload(4), GrowingPayload(4), GrowingPayload(4, memoryview(bytearray(4)))]
    payloads[1].take_in(memoryview(b"0"))
    assert [payload.untouched for payload in payloads] == [True, False, False]


@pytest.mark.parametrize("into", [True, False])
def test_a_value_outlives_its_payload(into: bool) -> None:
    payload = GrowingPayload(4, memoryview(bytearray(4)) if into else None)
    payload.take_in(memoryview(b"0123"))
    value = payload.value()
    payload.release()
    del payload
    assert bytes(value) == b"0123"


@given(st.binary(max_size=2000), st.lists(st.integers(1, 500)), st.booleans())
def test_whatever_comes_in_whichever_pieces(data: bytes, sizes: list[int], into: bool) -> None:
    payload = GrowingPayload(len(data), memoryview(bytearray(len(data))) if into else None)
    rest = memoryview(data)
    for number, size in enumerate(sizes):
        piece = rest[:size]
        if number % 2 and payload.missing:
            with payload.room() as room:
                count = min(len(room), len(piece))
                room[:count] = piece[:count]
            payload.filled(count)
        else:
            count = payload.take_in(piece)
        rest = rest[count:]
    assert payload.take_in(rest) == len(rest)
    assert payload.missing == 0
    assert bytes(payload.value()) == data
