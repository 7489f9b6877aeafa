"""How the asyncio client runs the generators of `core`.

Rule: it decides nothing; it performs each step and hands back the outcome.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import TypeVar

from ether_protocol.client.core.driving import resume
from ether_protocol.wire.errors import EtherError

_Step = TypeVar("_Step")
_Outcome = TypeVar("_Outcome")
_Value = TypeVar("_Value")


async def drive_async(
    steps: Generator[_Step, _Outcome, _Value], perform: Callable[[_Step], Awaitable[_Outcome]]
) -> _Value:
    """Run `steps` to its end, each step with `perform`; returns its value."""
    outcome: _Outcome | EtherError | None = None
    while True:
        try:
            step = resume(steps, outcome)
        except StopIteration as end:
            value: _Value = end.value
            return value
        try:
            outcome = await perform(step)
        except EtherError as error:
            outcome = error
