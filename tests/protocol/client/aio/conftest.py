"""Fixtures of the asyncio client's own suites.

Rule: a fixture closes the event loop that it made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from protocol.client.either import either


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop of either make."""
    one = either(request.param)
    assert one.loop is not None
    yield one.loop
    one.close()
