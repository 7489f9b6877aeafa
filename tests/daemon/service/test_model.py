"""Blocks beside their model, over a store that answers late; and what the model finds."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from daemon.service.blocks_machine import BlocksModel, RepliesModel
from daemon.service.planted_flaws import FLAWS

TestBlocksModel = BlocksModel.TestCase
TestBlocksModel.settings = settings(
    max_examples=100,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

FIRST_FAILURE = settings(
    max_examples=1000,
    stateful_step_count=50,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],  # shrinking what was put there takes long and tells nothing
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("flaw", FLAWS, ids=FLAWS)
def test_a_planted_flaw_is_found(flaw: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, replacement, _ = FLAWS[flaw]
    monkeypatch.setattr(owner, name, replacement)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(BlocksModel, settings=FIRST_FAILURE)


@pytest.mark.parametrize("flaw", [flaw for flaw, (*_, seen) in FLAWS.items() if seen])
def test_a_flaw_that_clients_see_is_found_by_their_replies(
    flaw: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, name, replacement, _ = FLAWS[flaw]
    monkeypatch.setattr(owner, name, replacement)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(RepliesModel, settings=FIRST_FAILURE)


def test_without_a_flaw_nothing_is_found_by_the_replies() -> None:
    run_state_machine_as_test(RepliesModel, settings=settings(FIRST_FAILURE, max_examples=60))
