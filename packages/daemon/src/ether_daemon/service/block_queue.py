"""The order of requests about one block, where a store answers later.

Rule: requests about a block start in the order in which they came, and none
starts while an earlier one may still change what its handle means.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from ether_daemon.stores.contract import Defer, StreamedRead, Work
from ether_daemon.stores.future import Answer, Future, T

from .handle_table import HandleTable


class _Waiting:
    """A request that may not start yet."""

    __slots__ = ("answer", "changes", "handles", "start")

    def __init__(
        self, handles: tuple[int, ...], start: Callable[[], Answer[Any]], changes: bool
    ) -> None:
        self.handles = handles
        self.start = start
        self.changes = changes
        self.answer: Future[Any] = Future()


class _BlockState:
    """What is under way for one block."""

    __slots__ = ("changing", "streamed_reads", "unanswered", "waiting")

    def __init__(self) -> None:
        self.unanswered = 0
        self.changing = False  # one of them is a FREE or a REALLOC
        self.waiting: deque[_Waiting] = deque()
        self.streamed_reads = 0

    @property
    def idle(self) -> bool:
        return not (self.unanswered or self.waiting or self.streamed_reads)


class BlockQueues:
    """The queues of one principal's blocks; only blocks with something under way have one."""

    def __init__(self, table: HandleTable, defer: Defer) -> None:
        """`defer` is where requests that may start at last are left, to be started one a step."""
        self._table = table
        self._defer = defer
        self.under_way: dict[int, _BlockState] = {}
        """What is under way by handle; public, so that nobody need ask while it is empty."""
        self._due: deque[int] = deque()  # blocks whose next requests may start
        self._advancing = False  # work that starts them is deferred

    def __len__(self) -> int:
        """How many blocks have something under way."""
        return len(self.under_way)

    def must_wait(self, *handles: int) -> bool:
        """Whether a request about `handles` has to `wait` for earlier ones."""
        states = [state for h in handles if (state := self.under_way.get(h)) is not None]
        return any(state.changing or state.waiting for state in states)

    def wait(
        self, handles: tuple[int, ...], start: Callable[[], Answer[T]], *, changes: bool = False
    ) -> Future[T]:
        """Have `start` called when its turn has come; `changes` as for `attend`."""
        handles = tuple(dict.fromkeys(handles))
        waiting = _Waiting(handles, start, changes)
        for handle in handles:
            self._state(handle).waiting.append(waiting)
        return waiting.answer

    def attend(
        self, handles: tuple[int, ...], answer: Future[Any], *, changes: bool = False
    ) -> None:
        """A request was passed to the store: attend its blocks until `answer` is there.

        One that `changes` what a handle means, a FREE or a REALLOC, has the
        next ones wait.
        """
        handles = tuple(dict.fromkeys(handles))
        for handle in handles:
            state = self._state(handle)
            state.unanswered += 1
            state.changing = state.changing or changes
        answer.add_done_callback(lambda: self._answered(handles, changes))

    def stream(self, handle: int, read: StreamedRead) -> None:
        """A streamed read of the block is under way: attend it until that is over."""
        state = self._state(handle)
        state.streamed_reads += 1

        def over() -> None:
            state.streamed_reads -= 1
            self._drop_if_idle(handle, state)

        read.when_over(over)

    def made(self, handle: int) -> None:
        """The block is there from now on: attend it where a COPY that names it came before."""
        if handle in self.under_way:
            self._table.attend(handle)

    def _state(self, handle: int) -> _BlockState:
        state = self.under_way.get(handle)
        if state is None:
            state = self.under_way[handle] = _BlockState()
            if self._table.has(handle):
                self._table.attend(handle)
        return state

    def _answered(self, handles: tuple[int, ...], changes: bool) -> None:
        for handle in handles:
            state = self.under_way[handle]
            state.unanswered -= 1
            if changes:
                state.changing = False
            if state.waiting:
                self._due.append(handle)
            else:
                self._drop_if_idle(handle, state)
        if self._due and not self._advancing:
            self._advancing = True
            self._defer(self._advance())

    def _advance(self) -> Work:
        """Start what may start now, a request a step, so that a long queue holds nobody up.

        What goes wrong with one reply is raised once all have started.
        """
        failure: Exception | None = None
        while self._due:
            handle = self._due[0]
            state = self.under_way.get(handle)
            if state is None or not state.waiting or not self._may_start(state.waiting[0]):
                self._due.popleft()
                if state is not None:
                    self._drop_if_idle(handle, state)
                continue
            first = state.waiting[0]
            # A COPY that has started may let those behind it start, too.
            self._due.extend(other for other in first.handles if other != handle)
            try:
                self._start(first)
            except Exception as raised:
                failure = failure or raised
            yield
        self._advancing = False
        if failure is not None:
            raise failure

    def _may_start(self, request: _Waiting) -> bool:
        states = [self.under_way[handle] for handle in request.handles]
        return all(state.waiting[0] is request and not state.changing for state in states)

    def _start(self, request: _Waiting) -> None:
        for handle in request.handles:
            self.under_way[handle].waiting.popleft()
        try:
            answer = request.start()
        except Exception as error:
            request.answer.set_exception(error)
        else:
            if isinstance(answer, Future):
                self.attend(request.handles, answer, changes=request.changes)
            request.answer.follow(answer)

    def _drop_if_idle(self, handle: int, state: _BlockState) -> None:
        if state.idle and self.under_way.get(handle) is state:
            del self.under_way[handle]
            self._table.unattend(handle)
