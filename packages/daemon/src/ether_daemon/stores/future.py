"""An answer that comes later than at once: after a commit, from another machine.

Rule: a future is settled exactly once, and all its callbacks run, in the order in
which they were added, whatever one of them raises.  No event loop is known here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar, cast

T = TypeVar("T")
U = TypeVar("U")


class Future(Generic[T]):
    """A value, or an exception, that is not there yet."""

    __slots__ = ("_callbacks", "_done", "_error", "_value")

    def __init__(self) -> None:
        self._done = False
        self._value: T | None = None
        self._error: Exception | None = None
        self._callbacks: list[Callable[[], object]] = []

    def done(self) -> bool:
        """Whether `result` may be called."""
        return self._done

    def result(self) -> T:
        """The value; raises the exception it failed with, RuntimeError before it is done."""
        if not self._done:
            raise RuntimeError("the future is not done yet")
        if self._error is not None:
            raise self._error
        return cast(T, self._value)

    def set_result(self, value: T) -> None:
        """Settle with `value`; raises RuntimeError where it is settled already.

        Raises also the first exception of a callback, once all were called.
        """
        self._settle(value, None)

    def set_exception(self, error: Exception) -> None:
        """Settle with `error`; raises as `set_result` does."""
        self._settle(None, error)

    def add_done_callback(self, callback: Callable[[], object]) -> None:
        """Call `callback` once this is done, at once if it already is."""
        if self._done:
            callback()
        else:
            self._callbacks.append(callback)

    def then(self, step: Callable[[T], U | Future[U]]) -> Future[U]:
        """What `step` makes of the value, which may again come later."""
        return self.afterwards(lambda: step(self.result()))

    def afterwards(self, step: Callable[[], U | Future[U]]) -> Future[U]:
        """What `step` returns once this is done, well or not."""
        made: Future[U] = Future()

        def go_on() -> None:
            try:
                answer = step()
            except Exception as error:
                made.set_exception(error)
            else:
                made.follow(answer)

        self.add_done_callback(go_on)
        return made

    def follow(self, answer: T | Future[T]) -> None:
        """Settle as `answer` does, now or later."""
        if not isinstance(answer, Future):
            self.set_result(answer)
            return

        def copy() -> None:
            try:
                value = answer.result()
            except Exception as error:
                self.set_exception(error)
            else:
                self.set_result(value)

        answer.add_done_callback(copy)

    def _settle(self, value: T | None, error: Exception | None) -> None:
        if self._done:
            raise RuntimeError("the future is done already")
        self._done, self._value, self._error = True, value, error
        callbacks, self._callbacks = self._callbacks, []
        failure: Exception | None = None
        for callback in callbacks:
            try:
                callback()
            except Exception as raised:
                failure = failure or raised
        if failure is not None:
            raise failure


Answer: TypeAlias = T | Future[T]
"""A value that is there at once, or one that comes later."""


def after(answer: Answer[T], step: Callable[[T], Answer[U]]) -> Answer[U]:
    """Apply `step` to an answer: at once if it is there, else when it comes."""
    if isinstance(answer, Future):
        return answer.then(step)
    return step(answer)
