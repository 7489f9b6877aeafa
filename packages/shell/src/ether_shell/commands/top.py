"""The command that shows the server at work: top.

Rule: what is shown is computed from STATS and LIST as they are; a rate is the
difference of two counters, and how it all looks is the view's business.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from ether_protocol import EtherError
from ether_shell.context import Context
from ether_shell.language.declaration import Argument, Command, Example, Option, Result, Results
from ether_shell.language.values import COUNT, SECONDS

from .live import rounds

_HISTORY: Final = 512
_LARGEST: Final = 64
_LISTED: Final = 16_384
"""The largest blocks are sought among so many; to list a million each second is too much."""

_REQUESTS: Final = "requests_"


@dataclass(frozen=True, slots=True)
class Overview(Result):
    """The server just now.

    `rates` are requests a second by command, empty in the first look, `used`
    the bytes in use in this look and those before, `blocks` how many there
    are, `largest` (handle, size) of some.  A `problem` says why there was no
    newer look.
    """

    address: str
    server: str
    stats: dict[str, int]
    rates: dict[str, float]
    used: tuple[int, ...]
    blocks: int
    largest: tuple[tuple[int, int], ...]
    problem: str = ""


class Gauge:
    """Looks at the server again and again."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._used: deque[int] = deque(maxlen=_HISTORY)
        self._before: dict[str, int] | None = None
        self._home = context.home
        self._taken = 0.0
        self._last = Overview(str(context.session.address), "", {}, {}, (), 0, ())

    def look(self) -> Overview:
        """What the server says now; raises EtherError where it says nothing."""
        client = self._context.client
        stats = client.stats()
        count, page = client.list()
        blocks = page if len(page) == count else islice(client.blocks(), _LISTED)
        largest = heapq.nlargest(_LARGEST, blocks, key=lambda block: block[1])
        now = time.monotonic()
        if self._context.home != self._home:  # another server's counters
            self._home, self._before = self._context.home, None
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

    def try_to_look(self) -> Overview:
        """What the server says now, or what it said last and why it does not answer."""
        try:
            return self.look()
        except EtherError as error:
            self._before = None
            self._last = replace(self._last, rates={}, problem=str(error))
            return self._last


def rates(before: dict[str, int], now: dict[str, int], seconds: float) -> dict[str, float]:
    """Requests a second by command, the busiest first; nothing for counters that stood still."""
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
    gauge = Gauge(context)
    seconds = 1.0 if seconds is None else seconds
    if context.full_screen is not None and count is None:
        # A server that is not there at the beginning is an error like any other. Another
        # gauge asks, since rates over the moment until the first look would be absurd.
        Gauge(context).look()
        context.full_screen(gauge.try_to_look, seconds)
        return
    yield from rounds(context, seconds, "top", lambda: (gauge.look(),), count)


TOP: Final = Command(
    "top",
    "the server at work: memory, clients, requests",
    top,
    (Argument("seconds", SECONDS, "from one look to the next (1)", required=False),),
    (Option("count", "stop after so many looks, without taking the screen", COUNT),),
    (Example("top --count 1", "one look"), Example("top 0.1 --count 2", "with rates")),
    "On the whole screen until q is pressed: memory and how it went, clients, requests a second "
    "by command, the largest blocks. If the server is lost that is said, and tried again. The "
    "requests of top itself, STATS and LIST, are counted too.",
    lasting=True,
)
