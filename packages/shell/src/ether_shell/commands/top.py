"""The command that monitors the server: top.

Rule: everything is computed from STATS and LIST; a rate is the difference of two counters. How
it looks is decided in the view.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from ether_protocol import EtherError
from ether_shell.language.declaration import (
    Argument,
    Example,
    Option,
    Result,
    Results,
    ShellCommand,
)
from ether_shell.language.values import COUNT, SECONDS
from ether_shell.session.context import Context

from .watching import rounds

_HISTORY: Final = 512
_LARGEST: Final = 64
_LISTED: Final = 16_384
"""The largest blocks are searched among this many; a million every second would be too much."""

_REQUESTS: Final = "requests_"


@dataclass(frozen=True, slots=True)
class Overview(Result):
    """A sample of the server's state.

    `rates` are requests per second by command, empty in the first sample. `used` are the bytes
    in use in the last samples, `blocks` is the number of blocks, `largest` has (handle, size) of
    some. `problem` says why there is no newer sample.
    """

    address: str
    server: str
    stats: dict[str, int]
    rates: dict[str, float]
    used: tuple[int, ...]
    blocks: int
    largest: tuple[tuple[int, int], ...]
    problem: str = ""


class ServerMonitor:
    """Takes samples of the server's state."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._used: deque[int] = deque(maxlen=_HISTORY)
        self._before: dict[str, int] | None = None
        self._instance = context.instance
        self._taken = 0.0
        self._last = Overview(str(context.session.address), "", {}, {}, (), 0, ())

    def sample(self) -> Overview:
        """The state now. Raises EtherError where the server does not answer."""
        client = self._context.client
        stats = client.stats()
        count, page = client.list()
        blocks = page if len(page) == count else islice(client.blocks(), _LISTED)
        largest = heapq.nlargest(_LARGEST, blocks, key=lambda block: block[1])
        now = time.monotonic()
        if self._context.instance != self._instance:  # the counters are another server's
            self._instance, self._before = self._context.instance, None
            self._used.clear()
        self._used.append(stats.get("used_bytes", 0))
        hello = self._context.session.hello
        self._last = Overview(
            address=self._last.address,
            server=f"{hello.name} {hello.version}" if hello else "",
            stats=stats,
            rates=rates(self._before or stats, stats, now - self._taken),
            used=tuple(self._used),
            blocks=count,
            largest=tuple(largest),
        )
        self._before, self._taken = stats, now
        return self._last

    def sample_or_last(self) -> Overview:
        """The state now; where the server does not answer, the last one with its problem."""
        try:
            return self.sample()
        except EtherError as error:
            self._before = None
            self._last = replace(self._last, rates={}, problem=str(error))
            return self._last


def rates(before: dict[str, int], now: dict[str, int], seconds: float) -> dict[str, float]:
    """Requests per second by command, highest first, without those that are 0."""
    if seconds <= 0:
        return {}
    found = {
        name.removeprefix(_REQUESTS): (value - before.get(name, 0)) / seconds
        for name, value in now.items()
        if name.startswith(_REQUESTS) and value > before.get(name, 0)
    }
    return dict(sorted(found.items(), key=lambda each: -each[1]))


def top(context: Context, seconds: float | None, count: int | None) -> Results:
    """Show the server at work, on the whole screen where there is one."""
    monitor = ServerMonitor(context)
    seconds = 1.0 if seconds is None else seconds
    if context.full_screen is not None and count is None:
        # If the server does not answer now, that is an ordinary error. A monitor of its own asks,
        # because rates over the short time until the first sample would make no sense.
        ServerMonitor(context).sample()
        context.full_screen(monitor.sample_or_last, seconds)
        return
    yield from rounds(context, seconds, "top", lambda: (monitor.sample(),), count)


TOP: Final = ShellCommand(
    "top",
    "the server at work: memory, clients, requests",
    top,
    (Argument("seconds", SECONDS, "between two samples (1)", required=False),),
    (Option("count", "stop after so many samples; does not use the full screen", COUNT),),
    (Example("top --count 1", "one sample"), Example("top 0.1 --count 2", "two, with rates")),
    "It uses the full screen until you press q: memory and its history, clients, requests per "
    "second by command, the largest blocks. If the connection is lost, top says so and tries "
    "again. The requests of top itself, STATS and LIST, are counted too.",
    runs_until_stopped=True,
)
