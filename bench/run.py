"""The benchmark: every case against every server in turn, several rounds, one table.

Rule: it only measures, and nothing passes or fails. Compare the ratios of one
run; figures of two runs were measured on a machine that was not the same.

    python bench/run.py [--rounds 5] [--seconds 0.5] [--only WORD] [--json FILE] [--svg FILE]
                        [--also /elsewhere/bin/etherd] [--congestion reno]
    python bench/run.py --against REVISION [--rounds 15] [--seconds 0.05] [--only WORD]
                        [--json FILE] [--congestion reno]

The second form compares the working tree with a commit: see compare.py.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import clients
import footprint
from cases import CASES
from compare import ROUNDS as COMPARISON_ROUNDS
from compare import SECONDS as COMPARISON_SECONDS
from compare import ComparisonOptions, compare
from load import Load, compile_program
from report import BenchmarkRow, as_json, markdown, svg
from servers import CORES, OWN_ETHERD, python_of, servers

Measure = Callable[[], dict[str, float]]
ROUNDS = 5
SECONDS = 0.5
_SPARE_DESCRIPTORS = 100

CONGESTION = Path("/proc/sys/net/ipv4/tcp_congestion_control")
"""Where Linux keeps the name of its default."""


def main() -> None:
    """Measure and write what was asked for."""
    options = _options()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if options.against:
        with congestion_control(options.congestion):
            sys.exit(compare(_comparison(options), hard - _SPARE_DESCRIPTORS))
    with tempfile.TemporaryDirectory() as folder, congestion_control(options.congestion):
        rows = BenchmarkRun(Path(folder), options).run()
        congestion = CONGESTION.read_text().strip() if CONGESTION.exists() else "unknown"
    about = {
        "CPython": python_of(OWN_ETHERD),
        **({"also": python_of(options.also)} if options.also else {}),
        "Redis": footprint.redis_version(),
        "memcached": footprint.memcached_version(),
        "cores": str(len(CORES)),
        "TCP": congestion,
        "rounds": str(options.rounds or ROUNDS),
    }
    print(markdown(rows, about))
    if options.json:
        options.json.write_text(json.dumps(as_json(rows, about), indent=1) + "\n")
    if options.svg:
        options.svg.write_text(svg(rows))


@contextmanager
def congestion_control(name: str | None) -> Iterator[None]:
    """Let the system use `name`, if it is given, until the end of the `with`."""
    before = CONGESTION.read_text() if name else ""
    if name:
        CONGESTION.write_text(name)
    try:
        yield
    finally:
        if name:
            CONGESTION.write_text(before)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--against",
        metavar="REVISION",
        help="compare the working tree with this commit of it, and with no other server",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        help=f"times that each case is measured: {ROUNDS}, with --against {COMPARISON_ROUNDS}",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        help=f"length of one measurement: {SECONDS}, with --against {COMPARISON_SECONDS}",
    )
    parser.add_argument("--only", help="only cases with this word in their name or group")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument(
        "--also", metavar="ETHERD", help="also measure this daemon, of another Python"
    )
    parser.add_argument(
        "--congestion",
        metavar="NAME",
        help="let the system use this congestion control meanwhile, for all servers (needs root)",
    )
    parser.add_argument("--svg", type=Path, help="write the picture here")
    options = parser.parse_args()
    if options.against and (options.also or options.svg):
        parser.error("--also and --svg don't go with --against")
    return options


def _comparison(options: argparse.Namespace) -> ComparisonOptions:
    return ComparisonOptions(
        options.against,
        options.rounds or COMPARISON_ROUNDS,
        options.seconds or COMPARISON_SECONDS,
        options.only or "",
        options.json,
    )


class BenchmarkRun:
    """One run over all cases."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self._load = Load(folder)
        self._limit = compile_program("limit", folder)
        self._rounds: int = options.rounds or ROUNDS
        self._seconds: float = options.seconds or SECONDS
        self._only: str = options.only or ""
        self._also: str | None = options.also
        self._rows: list[BenchmarkRow] = []

    def run(self) -> list[BenchmarkRow]:
        """Measure every case that is wanted."""
        self._requests()
        self._clients()
        self._single_figures()
        return self._rows

    def _wanted(self, group: str, case: str) -> bool:
        return self._only.lower() in f"{group} {case}".lower()

    def _requests(self) -> None:
        group = "Requests a second"
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _SPARE_DESCRIPTORS
        wanted = [case for case in CASES if self._wanted(group, case.name)]
        names = ["etherd", "also", "redis", "memcached", "limit"]
        with servers(names, self._limit, self._also) as running:
            for case in wanted:
                if case.connections > descriptors:
                    print(f"left out: {case.name}: too few descriptors", file=sys.stderr)
                    continue
                row = self._row(group, case.name, "/s")
                exchanges = {s.name: self._load.exchange(s, case) for s in running}
                for _ in range(self._rounds):
                    measured = {}
                    for server in running:
                        exchange = exchanges[server.name]
                        if exchange is not None:
                            figures = self._load.run(
                                server, exchange, case.connections, case.depth, self._seconds
                            )
                            measured[server.name] = figures.requests_per_second
                    row.rounds.append(measured)
                self._progress(row)

    def _clients(self) -> None:
        group = "Python clients, requests a second"
        if not self._wanted(group, ""):
            return
        with servers(["etherd", "redis", "memcached"], self._limit) as running:
            rows: dict[str, BenchmarkRow] = {}
            for _ in range(self._rounds):
                for case, measured in clients.compare(running, self._seconds).items():
                    name = f"client {case}"
                    if name not in rows:
                        rows[name] = self._row(group, name, "/s")
                    rows[name].rounds.append(measured)
            for row in rows.values():
                self._progress(row)

    def _single_figures(self) -> None:
        for group, case, unit, more_is_better, rounds, measure in self._figures():
            if self._wanted(group, case):
                row = self._row(group, case, unit, more_is_better)
                row.rounds += [measure() for _ in range(rounds)]
                self._progress(row)

    def _figures(self) -> Iterator[tuple[str, str, str, bool, int, Measure]]:
        limit, load, seconds = self._limit, self._load, self._seconds
        blocks = "Many blocks"
        for of_one, what in ((True, "one block"), (False, "random blocks")):
            for count in (1, 1000, footprint.MILLION):
                case = f"READ 64 B of {what} among {count:,}"
                measure = _bind(footprint.reads_among, count, of_one, load, limit, seconds)
                yield blocks, case, "/s", True, self._rounds, measure
        for count in (1, footprint.MILLION):
            case = f"ALLOC and FREE beside {count:,}"
            yield (
                blocks,
                case,
                "/s",
                True,
                self._rounds,
                _bind(footprint.allocs_and_frees_among, count, load, limit, seconds),
            )
        size = "Size and time"
        yield (
            size,
            "bytes per 64-byte block",
            "B",
            False,
            1,
            _bind(footprint.bytes_per_block, limit),
        )
        yield (
            size,
            "bytes per idle connection",
            "B",
            False,
            1,
            _bind(footprint.bytes_per_idle_connection, limit),
        )
        yield size, "exec to first PONG", "s", False, self._rounds, footprint.seconds_to_first_pong
        prompt = _bind(footprint.seconds_to_the_prompt, limit)
        yield size, "exec to the shell's prompt", "s", False, self._rounds, prompt
        for free in (False, True):
            while_ = "a used GiB is freed" if free else "nothing happens"
            yield (
                size,
                f"slowest PING while {while_}",
                "ms",
                False,
                self._rounds,
                _bind(_longest_ping, free, limit),
            )

    def _row(self, group: str, case: str, unit: str, more_is_better: bool = True) -> BenchmarkRow:
        row = BenchmarkRow(group, case, unit, more_is_better)
        self._rows.append(row)
        return row

    @staticmethod
    def _progress(row: BenchmarkRow) -> None:
        ratios = row.ratios("redis")
        middle = f"{ratios[len(ratios) // 2]:.2f} of Redis" if ratios else ""
        print(f"{row.case:40} {row.ours():14,.4g} {row.unit:4} {middle}", file=sys.stderr)


def _bind(function: Callable[..., dict[str, float]], *arguments: object) -> Measure:
    return lambda: function(*arguments)


def _longest_ping(free: bool, limit: Path) -> dict[str, float]:
    return {"etherd": footprint.longest_ping_during(free, limit)}


if __name__ == "__main__":
    main()
