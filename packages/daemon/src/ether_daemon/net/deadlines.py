"""How long a client may take: over a message, over its replies, over doing nothing.

Rule: nothing is timed by itself.  Connections say what begins and ends; a tick
looks at those where something has begun, on a clock that only goes forward,
and time in which this process did not run is nobody's fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

MESSAGE_SECONDS = 60.0
"""How long a message that has begun to arrive may take, whatever its length..."""

BYTES_PER_SECOND = 64 * 1024
"""...and one second more for each of these that it announces."""

UNTAKEN_SECONDS = 30.0
"""How long a client may take nothing while more than UNTAKEN_BYTES wait for it."""

UNTAKEN_BYTES = 256 * 1024

TICK_SECONDS = 1.0
"""How often connections are looked at."""

_LATE_SECONDS = 0.5
"""A tick that comes later than this shows that the process, or the machine, stood still."""


class TimedClient(Protocol):
    """What is needed here of a connection."""

    @property
    def announced_bytes(self) -> int:
        """How long the message that is being received says that it is, as far as is known."""

    @property
    def untaken_bytes(self) -> int:
        """How many bytes of replies wait for the client."""

    @property
    def unsent_bytes(self) -> int:
        """How many of them the transport has; fewer than before if the client takes any."""

    @property
    def is_read(self) -> bool:
        """Whether what it sends is received just now."""

    def was_idle(self) -> bool:
        """Whether there was nothing to do for it since this was last asked."""

    def cut_off(self, why: str) -> None:
        """Close soon, whatever is under way."""

    def drain(self) -> None:
        """Close, once all is done."""


@dataclass(slots=True)
class _Time:
    """Since when something lasts, and how much of it there was when it was last looked at."""

    since: float
    amount: int = 0


class Deadlines:
    """The deadlines of one server's connections; `closed` counts those that missed one."""

    __slots__ = (
        "_begun",
        "_clock",
        "_idle",
        "_idle_seconds",
        "_last",
        "_limited",
        "_stalled",
        "closed",
    )

    def __init__(self, clock: Callable[[], float], idle_seconds: float = 0.0) -> None:
        """With 0 `idle_seconds` a client may be idle for ever."""
        self.closed = 0
        self._clock = clock
        self._idle_seconds = idle_seconds
        self._last = clock()
        # What has begun since the last tick has no time yet: None.
        self._begun: dict[TimedClient, _Time | None] = {}
        self._stalled: dict[TimedClient, _Time | None] = {}
        self._limited: dict[TimedClient, tuple[_Time, float, str]] = {}
        self._idle: dict[TimedClient, _Time] = {}

    @property
    def watches_idle(self) -> bool:
        """Whether connections have to say what they do (see `watch`)."""
        return self._idle_seconds > 0

    def message_begun(self, client: TimedClient) -> None:
        """A message of the client has begun to arrive, now or some time ago."""
        self._begun.setdefault(client)

    def message_over(self, client: TimedClient) -> None:
        """It has arrived, or none had begun."""
        self._begun.pop(client, None)

    def stalled(self, client: TimedClient) -> None:
        """The client does not take what was sent to it."""
        self._stalled[client] = None

    def flowing(self, client: TimedClient) -> None:
        """It has taken all that was sent."""
        self._stalled.pop(client, None)

    def limit(self, client: TimedClient, seconds: float, why: str) -> None:
        """Close the client in so many seconds unless it is `freed` before."""
        self._limited[client] = _Time(self._clock()), seconds, why

    def free(self, client: TimedClient) -> None:
        """What `limit` said is no longer so."""
        self._limited.pop(client, None)

    def watch(self, client: TimedClient) -> None:
        """Close the client when it has been idle for too long."""
        self._idle[client] = _Time(self._clock())

    def forget(self, client: TimedClient) -> None:
        """The connection is gone."""
        for watched in (self._begun, self._stalled, self._limited, self._idle):
            watched.pop(client, None)

    def tick(self) -> None:
        """Close those that are late, if it is time to look."""
        now = self._clock()
        passed = now - self._last
        if passed < TICK_SECONDS:
            return
        self._last = now
        stood_still = passed - TICK_SECONDS
        if stood_still > _LATE_SECONDS:
            for time in self._times():
                time.since += stood_still
        for client, why in [
            *self._slow_messages(now, passed),
            *self._untaken_replies(now),
            *self._over_limit(now),
        ]:
            self._closed(client)
            client.cut_off(why)
        for client in self._long_idle(now):
            self._closed(client)
            client.drain()

    def _times(self) -> Iterator[_Time]:
        for some in (self._begun, self._stalled, self._idle):
            yield from (time for time in some.values() if time is not None)
        yield from (time for time, _, _ in self._limited.values())

    def _closed(self, client: TimedClient) -> None:
        self.closed += 1
        self.forget(client)

    def _slow_messages(self, now: float, passed: float) -> Iterator[tuple[TimedClient, str]]:
        for client, time in self._begun.items():
            if time is None:
                self._begun[client] = _Time(now, client.announced_bytes)
                continue
            if not client.is_read:
                time.since += passed
                continue
            time.amount = max(time.amount, client.announced_bytes)
            allowed = MESSAGE_SECONDS + time.amount / BYTES_PER_SECOND
            if now - time.since > allowed:
                yield client, f"a message has not arrived within {allowed:.0f} s"

    def _untaken_replies(self, now: float) -> Iterator[tuple[TimedClient, str]]:
        for client, time in self._stalled.items():
            unsent = client.unsent_bytes
            if time is None:
                self._stalled[client] = _Time(now, unsent)
                continue
            if unsent < time.amount or client.untaken_bytes <= UNTAKEN_BYTES:
                time.since = now
            elif now - time.since > UNTAKEN_SECONDS:
                yield client, f"it has taken none of its replies for {UNTAKEN_SECONDS:.0f} s"
            time.amount = unsent

    def _over_limit(self, now: float) -> Iterator[tuple[TimedClient, str]]:
        for client, (time, seconds, why) in self._limited.items():
            if now - time.since > seconds:
                yield client, why

    def _long_idle(self, now: float) -> list[TimedClient]:
        late = []
        for client, time in self._idle.items():
            if not client.was_idle():
                time.since = now
            elif now - time.since > self._idle_seconds:
                late.append(client)
        return late
