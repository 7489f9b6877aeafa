"""A process that measures the Python client of its own environment, case by case.

    python client_worker.py PORT SIZE

Rule: it reads one JSON line for a measurement, `{"case": "READ {}", "seconds": 0.1}`,
and answers with one, the requests a second; the end of its input is its end.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import client_work


def main() -> None:
    """Connect, say that it is ready, and measure what is asked for."""
    port, size = int(sys.argv[1]), int(sys.argv[2])
    loop = asyncio.new_event_loop()
    works = client_work.ether(port, size, loop)
    counts = dict(client_work.cases(size))
    print("ready", flush=True)
    for line in sys.stdin:
        wanted = json.loads(line)
        case = wanted["case"]
        calls_per_second = _rate(works[case], wanted["seconds"])
        print(json.dumps(calls_per_second * counts[case]), flush=True)


def _rate(work: client_work.Work, seconds: float) -> float:
    """Calls a second, after one call that is not counted."""
    work()
    calls = 0
    began = now = time.perf_counter()
    until = began + seconds
    while now < until:
        work()
        calls += 1
        now = time.perf_counter()
    return calls / (now - began)


main()
