"""Stateful cases against a dict of bytearrays, in numbers that tests have no time for.

The machines are those of the tests: blocks of two principals over a store that
answers late, and a real daemon with real connections.

Rule: the cases are Hypothesis's; this file only shares them out over processes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from daemons import daemon
from trials import CannotRunHere, Trial

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent / "tests"
_STEPS = 50
_A_PROCESS = 1000
"""Cases after which a new process goes on: Hypothesis remembers all that it has tried."""


def play(machine: str, cases: int, address: str = "", flaw: str = "") -> str:
    """Have Hypothesis play `cases` cases in this process; returns what it found, or nothing."""
    from hypothesis import HealthCheck, Phase, settings
    from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

    from daemon.service.blocks_machine import BlocksModel
    from daemon.service.planted_flaws import FLAWS
    from integration.test_model import DaemonModel

    kinds: dict[str, type[RuleBasedStateMachine]] = {"blocks": BlocksModel, "daemon": DaemonModel}
    kind = kinds[machine]
    if address:
        kind = type("Addressed", (kind,), {"etherd": type("Running", (), {"address": address})()})
    replaced = None
    if flaw:
        owner, name, replacement, _ = FLAWS[flaw]
        replaced = owner, name, getattr(owner, name)
        setattr(owner, name, replacement)
    try:
        run_state_machine_as_test(
            kind,
            settings=settings(
                max_examples=cases,
                stateful_step_count=_STEPS,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:500]
    finally:
        if replaced is not None:
            setattr(*replaced)
    return ""


def run(cases: int = 50_000, flaw: str = "") -> list[Trial]:
    """Nine tenths with blocks of two principals, one tenth over real connections."""
    if find_spec("hypothesis") is None:
        raise CannotRunHere("hypothesis is not installed")
    real = 0 if flaw else cases // 10
    trials = [_shared_out("blocks", cases - real, flaw)]
    if real:
        trials.append(_shared_out("daemon", real, ""))
    return trials


def _shared_out(machine: str, cases: int, flaw: str) -> Trial:
    began, done, found = time.monotonic(), 0, ""
    left = [min(_A_PROCESS, cases - at) for at in range(0, cases, _A_PROCESS)]
    with daemon("--max-memory", "256MiB") as target:
        address = target.address if machine == "daemon" else ""
        # One daemon has one set of blocks, which one case at a time may use.
        at_once = 1 if address else len(os.sched_getaffinity(0))
        while left and not found:
            now = [left.pop() for _ in range(min(at_once, len(left)))]
            running = [_start(machine, count, address, flaw) for count in now]
            for process, count in zip(running, now, strict=True):
                said = process.communicate()[0].strip()
                found = found or said or ("" if process.returncode == 0 else "it ended early")
                done += count
    what = "blocks of two principals" if machine == "blocks" else "a daemon's blocks"
    took = f"{done:,} cases × {_STEPS} steps, {time.monotonic() - began:.0f} s"
    return Trial(
        f"{cases:,} stateful cases against a dict model, {what}",
        f"{took}{'; ' + found if found else ', no difference'}",
        not found,
    )


def _start(machine: str, cases: int, address: str, flaw: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(HERE / "model_cases.py"), machine, str(cases), address, flaw],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(HERE)])},
    )


if __name__ == "__main__":
    print(play(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]))
