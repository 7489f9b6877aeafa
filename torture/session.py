"""What `nox -s torture` runs: each harness in full, then with the flaw it has to find.

The results go to docs/torture.json, harness by harness, and docs/torture.md is
made of all that stand there: a run of one harness renews its rows alone.

Rule: a harness is a row of HARNESSES, with the flaw that shows that it can fail.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import clocks
import descriptors
import fuzzing
import greed
import handle_timing
import handshakes
import histories
import hostile_frames
import idle_connections
import marker_scan
import model_cases
import page
import stalls
from trials import CannotRunHere, Trial

DOCS = Path(__file__).resolve().parent.parent / "docs"
RESULTS = DOCS / "torture.json"
TABLE = DOCS / "torture.md"


@dataclass(frozen=True, slots=True)
class Harness:
    """One harness in its two forms."""

    full: Callable[[float], list[Trial]]
    """Given the share of the full counts to run with."""
    flaw: str
    """What is planted to see it fail."""
    flawed: Callable[[], list[Trial]]
    """A short run with the flaw: one of its goals must be missed."""


def _count(full: int, share: float) -> int:
    return max(1, round(full * share))


HARNESSES: dict[str, Harness] = {
    "markers": Harness(
        lambda share: marker_scan.run(rounds=_count(5, share)),
        "nothing is wiped",
        lambda: marker_scan.run(["tcp"], 1, ["1 KiB", "REALLOC"], flaw="nothing is wiped"),
    ),
    "half-sent": Harness(
        lambda share: greed.half_sent_writes(_count(500, share)),
        "payloads are not counted",
        lambda: greed.half_sent_writes(25, flaw="payloads are not counted"),
    ),
    "never-read": Harness(
        lambda share: greed.never_read(_count(200, share)),
        "replies wait without limit",
        lambda: greed.never_read(20, flaw="replies wait without limit"),
    ),
    "slowlorises": Harness(
        lambda share: greed.slowlorises(_count(2000, share)),
        "every connection costs 1 MiB",
        lambda: greed.slowlorises(300, 1.0, flaw="every connection costs 1 MiB"),
    ),
    "stalls": Harness(
        lambda share: stalls.run(seconds=20 * share),
        "a turn may take 60 ms",
        lambda: stalls.run({"flood": 1}, 2.0, flaw="a turn may take 60 ms"),
    ),
    "histories": Harness(
        lambda share: histories.run(_count(20_000, share)),
        "additions get lost",
        lambda: histories.run(10, flaw="additions get lost"),
    ),
    "fuzzing": Harness(
        lambda share: fuzzing.run(_count(20_000_000, share)),
        "a body of the wrong length raises what struct raises",
        lambda: fuzzing.run(100_000, flaw="planted"),
    ),
    "hostile-frames": Harness(
        lambda share: hostile_frames.run(_count(5_000_000, share)),
        "every connection costs 1 MiB",
        lambda: hostile_frames.run(2_000, ["tcp"], flaw="every connection costs 1 MiB"),
    ),
    "model-cases": Harness(
        lambda share: model_cases.run(_count(50_000, share)),
        "write overtakes",
        lambda: model_cases.run(1_000, flaw="write overtakes"),
    ),
    "idle": Harness(
        lambda share: idle_connections.idle(_count(10_000, share)),
        "every connection costs 1 MiB",
        lambda: idle_connections.idle(100, flaw="every connection costs 1 MiB"),
    ),
    "idle-tls": Harness(
        lambda share: idle_connections.over_tls(_count(4000, share)),
        "every connection costs 1 MiB",
        lambda: idle_connections.idle(300, "tls", flaw="every connection costs 1 MiB"),
    ),
    "before-auth": Harness(
        lambda share: idle_connections.before_auth(_count(2000, share)),
        "every connection costs 1 MiB",
        lambda: idle_connections.before_auth(50, flaw="every connection costs 1 MiB"),
    ),
    "descriptors": Harness(
        lambda share: descriptors.run(seconds=10 * share),
        "accept spins",
        lambda: descriptors.run(seconds=1.0, flaw="accept spins"),
    ),
    "clock": Harness(
        lambda _: clocks.jumps(),
        "deadlines by the wall clock",
        lambda: clocks.jumps(flaw="deadlines by the wall clock"),
    ),
    "stopped": Harness(
        lambda share: clocks.stopped(30 * share),
        "deadlines by the wall clock",
        lambda: clocks.stopped(1.5, flaw="deadlines by the wall clock"),
    ),
    "handshakes": Harness(
        lambda share: handshakes.run(_count(50_000, share)),
        "every connection costs 1 MiB",
        lambda: handshakes.run(100, flaw="every connection costs 1 MiB"),
    ),
    "handle-timing": Harness(
        lambda share: handle_timing.run(_count(1_000_000, share)),
        "freed handles take longer",
        lambda: handle_timing.run(20_000, flaw="freed handles take longer"),
    ),
}


def run(name: str, share: float, command: str) -> dict[str, Any]:
    """Run one harness in full, then with its flaw."""
    harness = HARNESSES[name]
    result: dict[str, Any] = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": machine(),
        "command": command,
        "commit": _commit(),
        "flaw": harness.flaw,
    }
    began = time.monotonic()
    try:
        trials = harness.full(share)
        result["found"] = not all(trial.met for trial in harness.flawed())
    except CannotRunHere as reason:
        return {**result, "trials": [], "not_run": str(reason)}
    result["seconds"] = round(time.monotonic() - began)
    return {**result, "trials": [asdict(trial) for trial in trials]}


def machine() -> str:
    """The machine, in words."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    kernel = platform.release().partition("-")[0]
    return f"{cores} cores, {memory:.0f} GiB, Linux {kernel}, CPython {platform.python_version()}"


def _commit() -> str:
    said = subprocess.run(
        ["git", "-C", str(DOCS), "describe", "--always", "--dirty", "--abbrev=10"],
        capture_output=True,
        text=True,
        check=False,
    )
    return said.stdout.strip() or "?"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; returns 1 if a goal is missed or a flaw was not found."""
    parser = argparse.ArgumentParser(prog="nox -s torture --", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=HARNESSES, default=[*HARNESSES])
    parser.add_argument("--share", type=float, default=1.0, help="of the full counts")
    parser.add_argument("--dry", action="store_true", help="print, and write no file")
    options = parser.parse_args(arguments)
    said = " ".join(sys.argv[1:] if arguments is None else arguments)
    command = f"nox -s torture -- {said}" if said else "nox -s torture"
    flaws = {name: harness.flaw for name, harness in HARNESSES.items()}
    failed = False
    for name in options.only:
        print(f"{name} …", file=sys.stderr, flush=True)
        try:
            result = run(name, options.share, command)
        except Exception:
            # The others are run all the same.
            traceback.print_exc()
            failed = True
            continue
        failed |= not (result.get("found", True) and all(one["met"] for one in result["trials"]))
        if not options.dry:
            # Read again each time: another run may have written meanwhile.
            results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
            results[name] = result
            RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
            TABLE.write_text(page.page(results, flaws), "utf-8")
        print(json.dumps(result, indent=1, ensure_ascii=False), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
