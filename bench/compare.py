"""Two commits side by side: every probe of both in each round, in turns; one table of ratios.

Rule: both commits are measured in turns, and the order changes from turn to turn
and from round to round (A B B A …), so that whatever else the machine does hits
both alike.

A round takes the best of a few short turns of each commit, because other
processes on the machine only make a figure worse. The rounds are many and
short, because a single one that was disturbed must not change a verdict.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from candidates import MeasuredCommit, candidates
from environment import OWN, Environment, build, commit_of, keep_bytecode_in, working_tree
from load import Load
from paired import MIN_PAIRS, FigurePair, PairedCase, PairedVerdict, exit_status
from paired_report import paired_json, paired_markdown
from probes import Probe, probes, start_once
from servers import CORES, OWN_ETHERD, python_of

ROUNDS = 15
SECONDS = 0.05
FAILED = 2
"""The exit status where something went wrong; 1 means that a case is slower."""


@dataclass(frozen=True, slots=True)
class ComparisonOptions:
    """What to compare, and how long."""

    against: str
    rounds: int
    seconds: float
    only: str
    json: Path | None


def compare(options: ComparisonOptions, most_connections: int) -> int:
    """Compare the working tree with a commit, print the table; returns the exit status."""
    if options.rounds < MIN_PAIRS:
        print(f"--rounds: at least {MIN_PAIRS} are needed for an interval", file=sys.stderr)
        return FAILED
    try:
        with tempfile.TemporaryDirectory(prefix="ether-bench-") as folder:
            return _compare(options, most_connections, Path(folder))
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        print(f"the comparison failed: {error}", file=sys.stderr)
        return FAILED


def _compare(options: ComparisonOptions, most_connections: int, folder: Path) -> int:
    commit = commit_of(options.against)
    wanted = [
        probe
        for probe in probes(Load(folder), options.seconds, most_connections)
        if options.only.lower() in f"{probe.group} {probe.case}".lower()
    ]
    if not wanted:
        raise RuntimeError(f"no case has {options.only!r} in its name or group")
    _tell(f"building the environment of {commit[:12]}")
    environments = {"old": build(commit, folder), "new": OWN}
    keep_bytecode_in(folder / "bytecode")
    with candidates(environments) as running:
        for candidate in running:
            start_once(candidate)
    rows = _measure(wanted, [probe.row for probe in wanted], environments, options.rounds)
    rows = _repeat_suspects(wanted, rows, environments, options.rounds)
    about = {
        "old": commit[:12],
        "new": working_tree(),
        "CPython": python_of(OWN_ETHERD),
        "cores": str(len(CORES)),
        "rounds": str(options.rounds),
        "seconds": f"{options.seconds:g}",
    }
    print(paired_markdown(rows, about))
    if options.json:
        options.json.write_text(json.dumps(paired_json(rows, about), indent=1) + "\n")
    return exit_status(rows)


def _measure(
    wanted: Sequence[Probe],
    rows: Sequence[PairedCase],
    environments: dict[str, Environment],
    rounds: int,
) -> list[PairedCase]:
    """Add a pair to each row in each round."""
    names = list(environments)
    for number in range(rounds if wanted else 0):
        _tell(f"round {number + 1} of {rounds}, cases: {len(wanted)}")
        order = names if number % 2 == 0 else names[::-1]
        with candidates({name: environments[name] for name in order}) as running:
            for probe, row in zip(wanted, rows, strict=True):
                row.pairs.append(_in_turns(probe, running))
    return list(rows)


def _in_turns(probe: Probe, running: Sequence[MeasuredCommit]) -> FigurePair:
    figures: dict[str, list[float]] = {candidate.name: [] for candidate in running}
    for turn in range(probe.turns):
        for candidate in running if turn % 2 == 0 else reversed(running):
            figures[candidate.name].append(probe.measure(candidate))
    best = max if probe.more_is_better else min
    return FigurePair(**{name: best(measured) for name, measured in figures.items()})


def _repeat_suspects(
    wanted: Sequence[Probe],
    rows: Sequence[PairedCase],
    environments: dict[str, Environment],
    rounds: int,
) -> list[PairedCase]:
    """Measure again what was worse, and let the fresh rounds alone decide.

    In 80 cases of equal commits one or two have an interval below 1 by chance.
    The first rounds can't be counted again: they are why the case was chosen.
    """
    suspects = [place for place, row in enumerate(rows) if row.verdict is PairedVerdict.WORSE]
    if suspects:
        _tell(f"measured again: {', '.join(rows[place].case for place in suspects)}")
    again = _measure(
        [wanted[place] for place in suspects],
        [rows[place].repeated() for place in suspects],
        environments,
        rounds,
    )
    decided = dict(zip(suspects, again, strict=True))
    return [decided.get(place, row) for place, row in enumerate(rows)]


def _tell(what: str) -> None:
    print(what, file=sys.stderr)
