"""How a generator of this folder is run: step by step, by a client that does the I/O.

Rule: a generator gives a step, and gets back what the step came to; an
EtherError is thrown into it, everything else stays outside.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from ether_protocol.wire.errors import EtherError

_Step = TypeVar("_Step")
_Outcome = TypeVar("_Outcome")


def resume(
    steps: Generator[_Step, _Outcome, object], outcome: _Outcome | EtherError | None
) -> _Step:
    """Tell `steps` what its last step came to, None at first; returns the next step.

    Raises StopIteration with the generator's value at its end.  The I/O itself
    happens outside of this call: a StopIteration that a callback raises would
    be taken for the end.
    """
    if outcome is None:
        return next(steps)
    if isinstance(outcome, EtherError):
        return steps.throw(outcome)
    return steps.send(outcome)
