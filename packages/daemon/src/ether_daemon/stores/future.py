"""An answer that comes later than at once: after a commit, from another machine.

Rule: a `Later` is settled exactly once, and everything that waits for it runs
in the order in which it began to wait.  No event loop is known here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar, cast

T = TypeVar("T")
U = TypeVar("U")


class Later(Generic[T]):
    """A value, or an exception, that is not there yet."""

    __slots__ = ("_error", "_settled", "_value", "_waiting")

    def __init__(self) -> None:
        self._settled = False
        self._value: T | None = None
        self._error: Exception | None = None
        self._waiting: list[Callable[[], None]] = []

    @property
    def settled(self) -> bool:
        """Whether `result` may be asked for."""
        return self._settled

    def result(self) -> T:
        """The value; raises the exception it failed with."""
        if self._error is not None:
            raise self._error
        return cast(T, self._value)

    def resolve(self, value: T) -> None:
        """Settle with `value`."""
        self._value = value
        self._settle()

    def fail(self, error: Exception) -> None:
        """Settle with `error`."""
        self._error = error
        self._settle()

    def when_settled(self, callback: Callable[[], None]) -> None:
        """Call `callback` once this is settled, at once if it already is."""
        if self._settled:
            callback()
        else:
            self._waiting.append(callback)

    def then(self, step: Callable[[T], U | Later[U]]) -> Later[U]:
        """What `step` makes of the value, which may again come later."""
        return self.afterwards(lambda: step(self.result()))

    def afterwards(self, step: Callable[[], U | Later[U]]) -> Later[U]:
        """What `step` gives once this is settled, well or not."""
        made: Later[U] = Later()

        def go_on() -> None:
            try:
                answer = step()
            except Exception as error:
                made.fail(error)
            else:
                made.follow(answer)

        self.when_settled(go_on)
        return made

    def follow(self, answer: T | Later[T]) -> None:
        """Settle as `answer` does, now or later."""
        if not isinstance(answer, Later):
            self.resolve(answer)
            return

        def copy() -> None:
            try:
                value = answer.result()
            except Exception as error:
                self.fail(error)
            else:
                self.resolve(value)

        answer.when_settled(copy)

    def _settle(self) -> None:
        self._settled = True
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            callback()


def after(answer: T | Later[T], step: Callable[[T], U | Later[U]]) -> U | Later[U]:
    """Apply `step` to an answer: at once if it is there, else when it comes."""
    if isinstance(answer, Later):
        return answer.then(step)
    return step(answer)
