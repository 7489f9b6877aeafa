from __future__ import annotations

import pytest

from daemons import transports
from handshakes import run
from torture.goals import missed

needs_tls = pytest.mark.skipif(
    "tls" not in transports(), reason="this etherd serves no TLS, or trustme is not installed"
)


@needs_tls
def test_aborted_handshakes_leave_nothing_behind() -> None:
    assert missed(run(300)) == []


@needs_tls
def test_handshakes_that_leave_something_are_found() -> None:
    assert missed(run(60, flaw="every connection costs 1 MiB"))
