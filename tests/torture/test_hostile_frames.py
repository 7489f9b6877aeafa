from __future__ import annotations

import pytest

from daemons import transports
from hostile_frames import run
from torture.goals import NOT_YET, missed


@pytest.mark.parametrize(
    "transport",
    [pytest.param(one, marks=NOT_YET if one == "tls" else ()) for one in transports()],
)
def test_hostile_frames_leave_nothing_behind(transport: str) -> None:
    assert missed(run(10_000, [transport])) == []


def test_a_connection_that_leaves_something_is_found() -> None:
    assert missed(run(1_000, ["tcp"], flaw="every connection costs 1 MiB"))
