"""Streams of any bytes, and where to cut them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import strategies as st

from protocol.samples import REPLIES, REQUESTS

CUTS = st.lists(st.integers(0, 400), max_size=12)
WIRES = st.lists(
    st.one_of(
        st.sampled_from([sample.wire for sample in REQUESTS]),
        st.sampled_from([sample.wire for sample in REPLIES]),
        st.binary(max_size=48),
        st.binary(max_size=40).map(lambda rest: b"\xe7\xe7\xe7\xe7\x01" + rest),
        st.binary(max_size=60).map(lambda rest: b"\xe7\xe7\xe7\xe7\x02" + rest),
    ),
    max_size=6,
).map(b"".join)


def pieces(wire: bytes, cuts: Sequence[int]) -> list[bytes]:
    """`wire`, cut at the places in `cuts`."""
    places = sorted({min(cut, len(wire)) for cut in cuts} | {0, len(wire)})
    return [wire[start:end] for start, end in pairwise(places)]
