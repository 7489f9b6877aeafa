"""Whether a history of concurrent operations could have happened one after the other.

A history is linearizable if each operation can be given a moment between its
call and its return so that a sequential model, asked in the order of these
moments, says what was really answered.  An operation that never returned may have
happened at any moment after its call, or never.

The search is that of Wing and Gong with the memory of Lowe: operations are taken
one by one in an order that their calls and returns allow; a set of taken operations
that led to a state is not tried twice.

Rule: nothing of blocks is known here; the model is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

StateT = TypeVar("StateT", bound=Hashable)

NEVER = 1 << 62
"""When an operation without an answer returned."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What was asked and answered, and when."""

    called: int
    returned: int
    """NEVER where no answer came."""
    asked: Any
    answered: Any = None


Step = Callable[[StateT, Any, Any, bool], tuple[bool, StateT]]
"""state, asked, answered, open → whether that is possible here, and the state after it."""


class _Moment(Generic[StateT]):
    """A call or a return, in a list from which operations are lifted and put back."""

    __slots__ = ("after", "before", "number", "operation", "return_")

    def __init__(self, operation: Operation, number: int) -> None:
        self.operation = operation
        self.number = number
        self.return_: _Moment[StateT] | None = None  # of a call
        self.before: _Moment[StateT] | None = None
        self.after: _Moment[StateT] | None = None


def is_linearizable(operations: Sequence[Operation], initial: StateT, step: Step[StateT]) -> bool:
    """Whether `operations` can have happened one after the other, from the state `initial`."""
    head, due = _moments(operations)
    taken, state = 0, initial
    seen: set[tuple[int, StateT]] = {(0, initial)}
    path: list[tuple[_Moment[StateT], StateT]] = []
    at = head.after
    while due:
        if at is not None and (at.return_ is not None or at.operation.returned == NEVER):
            operation = at.operation
            unanswered = operation.returned == NEVER
            possible, new = step(state, operation.asked, operation.answered, unanswered)
            with_it = taken | 1 << at.number
            if possible and (with_it, new) not in seen:
                seen.add((with_it, new))
                path.append((at, state))
                taken, state = with_it, new
                due -= not unanswered
                _lift(at)
                at = head.after
            else:
                at = at.after
            continue
        # A return before which its operation was not taken, or the end: go back.
        if not path:
            return False
        last, state = path.pop()
        taken &= ~(1 << last.number)
        due += last.operation.returned != NEVER
        _put_back(last)
        at = last.after
    return True


def _moments(operations: Sequence[Operation]) -> tuple[_Moment[Any], int]:
    head: _Moment[Any] = _Moment(Operation(-1, -1, None), -1)
    timed: list[tuple[int, int, _Moment[Any]]] = []
    due = 0
    for number, operation in enumerate(operations):
        call: _Moment[Any] = _Moment(operation, number)
        timed.append((operation.called, 0, call))
        if operation.returned != NEVER:
            call.return_ = _Moment(operation, number)
            timed.append((operation.returned, 1, call.return_))
            due += 1
    last = head
    for _, _, moment in sorted(timed, key=lambda timed: timed[:2]):
        last.after, moment.before = moment, last
        last = moment
    return head, due


def _lift(call: _Moment[Any]) -> None:
    for moment in (call, call.return_):
        if moment is not None:
            assert moment.before is not None
            moment.before.after = moment.after
            if moment.after is not None:
                moment.after.before = moment.before


def _put_back(call: _Moment[Any]) -> None:
    for moment in (call.return_, call):
        if moment is not None:
            assert moment.before is not None
            moment.before.after = moment
            if moment.after is not None:
                moment.after.before = moment
