from __future__ import annotations

import pytest

from ether_protocol.wire import bodies
from fuzz_targets import TARGETS, plant
from fuzzing import SHARES, in_short, seeds, try_finds
from torture.goals import missed


@pytest.mark.parametrize("target", TARGETS)
def test_no_bytes_raise_what_nobody_expects(target: str) -> None:
    assert missed([in_short(target)]) == []


@pytest.mark.parametrize("target", TARGETS)
def test_every_find_stays_mended(target: str) -> None:
    assert try_finds(target) >= 0


def test_a_body_that_raises_what_struct_raises_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "unpack", bodies.unpack)  # put back afterwards
    plant()
    assert missed([in_short("codec")])


def test_all_executions_are_shared_out() -> None:
    assert sum(SHARES.values()) == pytest.approx(1)
    assert set(SHARES) == set(TARGETS)
    assert all(len(seeds(target)) > 100 for target in TARGETS)
