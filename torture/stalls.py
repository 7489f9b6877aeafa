"""Whether work for some clients holds up the others.

Rule: others are measured by PINGs of their own process, beside an idle daemon
that is pinged in the same moments (`ping_probe.py`).
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from daemons import TorturedDaemon, daemon
from ping_probe import bystanders
from talk import DEADLINE_SECONDS
from trials import Trial

_WITHIN_SECONDS = 0.020


@dataclass(slots=True)
class Rounds:
    """How often the loads went round."""

    said: str = ""


@contextmanager
def load(target: TorturedDaemon, name: str, processes: int) -> Iterator[Rounds]:
    """So many processes with a load of `load_worker.py`, until the block ends."""
    worker = str(Path(__file__).with_name("load_worker.py"))
    rounds = Rounds()
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, worker, name, str(target.port)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(processes)
        ]
        try:
            yield rounds
        finally:
            said = []
            for process in running:
                try:
                    said.append(process.communicate(timeout=2 * DEADLINE_SECONDS)[0].strip())
                except subprocess.TimeoutExpired:
                    process.kill()
                    said.append("hung")
            rounds.said = ", ".join(said)


def stalls(name: str, processes: int, seconds: float, flaw: str = "") -> Trial:
    """The PINGs of others while `processes` put a load on the daemon for so long."""
    with daemon("--max-memory", "1200MiB", flaw=flaw) as target:
        with bystanders(target) as others, load(target, name, processes) as rounds:
            time.sleep(seconds)
        trial = others.within(_WITHIN_SECONDS, f"{processes} × {name}")
    return Trial(trial.goal, f"{trial.measured}; rounds: {rounds.said}", trial.met, timed=True)


FULL = {"1 GiB": 1, "1 M session blocks": 1, "copies and fills": 1, "flood": 4}
QUICK = {"64 MiB": 1, "50,000 session blocks": 1, "copies and fills": 1, "flood": 2}


def run(loads: dict[str, int] | None = None, seconds: float = 20.0, flaw: str = "") -> list[Trial]:
    """Each load by itself; `loads` says how many processes put it on."""
    return [stalls(name, count, seconds, flaw) for name, count in (loads or FULL).items()]
