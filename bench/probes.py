"""What is measured where two commits are compared: a table of cases, each with its function.

Rule: a probe measures one candidate once and knows nothing of the other one.
Rounds, turns, order and verdicts stand in compare.py.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import client_work
import footprint
from candidates import MeasuredCommit
from cases import CASES, KIB, MIB, VERSION_1_CASES, Case, size_name
from load import Load
from paired import PairedCase

CLIENT_SIZES = [64, KIB, 64 * KIB, MIB, 16 * MIB]
BLOCKS = 100_000
BLOCKS_TO_READ = 1000
IDLE_CONNECTIONS = 2000
_MANY_CONNECTIONS = 1000
_MANY_LONGER = 5
"""To open so many takes longer than to measure them, and each waits long for its reply: so
they have one turn, and that is longer."""

TURNS = 3
"""How often each commit is measured in a round; the best figure counts."""

MEMORY_TOLERANCE = 0.02
"""The allocator takes 128 KiB at a time, more than one per cent of these blocks."""

_PROCESSOR_TIME_CASES = [
    Case(verb, size, connections, depth, version)
    for size, connections, depth, version in [
        (KIB, 32, 1, 2),
        (KIB, 16, 64, 2),
        (MIB, 4, 1, 2),
        (KIB, 16, 64, 1),
    ]
    for verb in ("READ", "WRITE")
]
"""On a busy machine this time moves far less than requests a second do. There is none with
one request in flight: a daemon that polls for the next one is never at rest."""

_IMPORT_AND_CONNECT = """
import sys, time
began = time.perf_counter()
import ether_protocol
ether_protocol.connect(sys.argv[1]).ping()
print(time.perf_counter() - began)
"""


@dataclass(frozen=True, slots=True)
class Probe:
    """One case of a comparison and the function that measures it."""

    group: str
    case: str
    measure: Callable[[MeasuredCommit], float]
    unit: str = "/s"
    more_is_better: bool = True
    tolerance: float = 0.0
    turns: int = TURNS

    @property
    def row(self) -> PairedCase:
        """A row of the comparison that has no figures yet."""
        return PairedCase(self.group, self.case, self.unit, self.more_is_better, self.tolerance)


def probes(load: Load, seconds: float, most_connections: int) -> Iterator[Probe]:
    """All probes, each of about `seconds`; cases with too many connections are left out."""
    group = "Requests a second"
    for case in [*CASES, *VERSION_1_CASES]:
        if case.connections <= most_connections:
            many = case.connections >= _MANY_CONNECTIONS
            measure = partial(_requests, load, case, seconds * (_MANY_LONGER if many else 1))
            yield Probe(group, case.name, measure, turns=1 if many else TURNS)
    for connections in (1, 32):
        name = f"ALLOC and FREE, {connections} × 1"
        yield Probe(group, name, partial(_allocs_and_frees, load, connections, seconds))
    name = f"READ 64 B of random blocks among {BLOCKS_TO_READ:,}"
    yield Probe(group, name, partial(_random_reads, load, seconds))

    group = "Processor time of the daemon for a request"
    for case in _PROCESSOR_TIME_CASES:
        measure = partial(_processor_time, load, case, seconds)
        yield Probe(group, f"time of {case.name}", measure, "µs", False)

    group = "Python client, requests a second"
    for size in CLIENT_SIZES:
        for way, _ in client_work.cases(size):
            name = f"client {way.replace('{}', size_name(size))}"
            yield Probe(group, name, partial(_client, size, way, seconds))

    group = "Size and time"
    for name, size_of in (
        ("bytes per 64-byte block", _bytes_per_block),
        ("bytes per idle connection", _bytes_per_idle_connection),
    ):
        yield Probe(group, name, size_of, "B", False, MEMORY_TOLERANCE, turns=1)
    yield Probe(group, "exec to first PONG", _seconds_to_first_pong, "s", False)
    yield Probe(group, "import and connect of the client", _seconds_to_connect, "s", False)


def start_once(candidate: MeasuredCommit) -> None:
    """Start what a comparison starts, so that its bytecode is there."""
    _seconds_to_first_pong(candidate)
    _seconds_to_connect(candidate)
    candidate.client(CLIENT_SIZES[0])


def _requests(load: Load, case: Case, seconds: float, candidate: MeasuredCommit) -> float:
    server = candidate.server_in(case.version)
    exchange = load.exchange(server, case)
    if exchange is None:
        raise ValueError(f"etherd has no {case.name}")
    figures = load.run(server, exchange, case.connections, case.depth, seconds)
    server.wait_until_idle()
    return figures.requests_per_second


def _processor_time(load: Load, case: Case, seconds: float, candidate: MeasuredCommit) -> float:
    server = candidate.server_in(case.version)
    exchange = load.exchange(server, case)
    if exchange is None:
        raise ValueError(f"etherd has no {case.name}")
    before = server.cpu_seconds
    figures = load.run(server, exchange, case.connections, case.depth, seconds)
    server.wait_until_idle()
    return (server.cpu_seconds - before) * 1e6 / max(figures.all_replies, 1)


def _allocs_and_frees(
    load: Load, connections: int, seconds: float, candidate: MeasuredCommit
) -> float:
    rate = footprint.allocs_and_frees_of(candidate.server, load, connections, seconds)
    candidate.server.wait_until_idle()
    return rate


def _random_reads(load: Load, seconds: float, candidate: MeasuredCommit) -> float:
    with candidate.another_server() as server:
        return footprint.random_reads_of(server, BLOCKS_TO_READ, load, seconds)


def _client(size: int, way: str, seconds: float, candidate: MeasuredCommit) -> float:
    return candidate.client(size).requests_per_second(way, seconds)


def _bytes_per_block(candidate: MeasuredCommit) -> float:
    with candidate.another_server() as server:
        return footprint.bytes_per_block_of(server, BLOCKS)


def _bytes_per_idle_connection(candidate: MeasuredCommit) -> float:
    with candidate.another_server() as server:
        return footprint.bytes_per_idle_connection_of(server, IDLE_CONNECTIONS)


def _seconds_to_first_pong(candidate: MeasuredCommit) -> float:
    return footprint.etherd_seconds_to_first_pong(candidate.environment.program("etherd"))


def _seconds_to_connect(candidate: MeasuredCommit) -> float:
    command = [str(candidate.environment.python), "-c", _IMPORT_AND_CONNECT]
    address = f"127.0.0.1:{candidate.server.port}"
    return float(subprocess.check_output([*command, address], text=True))
