"""How long PINGs of a bystander take, measured by a process of its own.

A PING is due every 5 ms.  While one is held up, those that would have been due
behind it count too, with the time that they would have waited: a stall of a second
is not one slow PING among many fast ones.

Rule: a daemon under attack is compared with an idle daemon that is pinged in the
same moments, so that other programs on the machine disturb both alike.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from daemons import TorturedDaemon, daemon
from talk import PING, V2, Hung, receive_exactly, request
from trials import Trial, in_ms

_EVERY_SECONDS = 0.005
_HELD_UP_SECONDS = 60.0


@dataclass(slots=True)
class Pings:
    """The latencies of one daemon's PINGs, in seconds."""

    seconds: list[float] = field(default_factory=list)

    def at(self, share: float) -> float:
        """The latency that `share` of the PINGs did not exceed."""
        if not self.seconds:
            return _HELD_UP_SECONDS  # none was answered
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass(slots=True)
class Bystanders:
    """PINGs to the daemon under attack, and to an idle one beside it."""

    attacked: Pings = field(default_factory=Pings)
    idle: Pings = field(default_factory=Pings)

    def within(self, seconds: float, what: str) -> Trial:
        """The goal that the p99 under attack is at most so much above the idle one."""
        goal = f"others' PING p99 within {in_ms(seconds)} of an idle control, {what}"
        met = self.attacked.at(0.99) <= self.idle.at(0.99) + seconds
        return Trial(goal, self._measured(), met, timed=True)

    def times(self, factor: float, what: str) -> Trial:
        """The goal that it is at most so many times the idle one."""
        goal = f"others' PING p99 at most {factor:g} × an idle control, {what}"
        met = self.attacked.at(0.99) <= self.idle.at(0.99) * factor
        return Trial(goal, self._measured(), met, timed=True)

    def _measured(self) -> str:
        attacked, idle = self.attacked, self.idle
        return (
            f"p99 {in_ms(attacked.at(0.99))}, idle {in_ms(idle.at(0.99))}; "
            f"slowest {in_ms(attacked.at(1))}, idle {in_ms(idle.at(1))}; "
            f"{len(attacked.seconds):,} PINGs"
        )


@contextmanager
def bystanders(attacked: TorturedDaemon) -> Iterator[Bystanders]:
    """Ping `attacked` and an idle daemon until the block ends; the figures are there then."""
    result = Bystanders()
    with daemon() as idle:
        probes = [_probe(target) for target in (attacked, idle)]
        try:
            yield result
        finally:
            said = [probe.communicate(timeout=2 * _HELD_UP_SECONDS)[0] for probe in probes]
        result.attacked, result.idle = (Pings(json.loads(text)) for text in said)


def _probe(target: TorturedDaemon) -> subprocess.Popen[str]:
    with target.plain_socket() as sock:
        probe = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), str(sock.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=[sock.fileno()],
        )
    assert probe.stdout is not None
    probe.stdout.readline()  # it has begun
    return probe


def main() -> None:
    """Ping over the inherited socket until stdin ends, then print the latencies as JSON."""
    sock = socket.socket(fileno=int(sys.argv[1]))
    sock.settimeout(_HELD_UP_SECONDS)
    ping = request(PING)
    latencies: list[float] = []
    print(flush=True)
    took = 0.0
    while not select.select([sys.stdin], [], [], max(0.0, _EVERY_SECONDS - took))[0]:
        sent = time.monotonic()
        try:
            sock.sendall(ping)
            receive_exactly(sock, V2.size)
        except (OSError, Hung):
            latencies.append(_HELD_UP_SECONDS)
            break
        waited = took = time.monotonic() - sent
        while waited > 0:
            latencies.append(waited)
            waited -= _EVERY_SECONDS
    print(json.dumps(latencies))


if __name__ == "__main__":
    main()
