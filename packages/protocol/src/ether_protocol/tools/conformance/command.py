"""`python -m ether_protocol conformance`: from arguments to an exit status.

Rule: findings go to standard output one by one as they are made, everything
else to standard error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ether_protocol.tools.connecting import add_connecting, connect_options, in_flags
from ether_protocol.wire.address import ServerAddress, parse_address
from ether_protocol.wire.errors import LocalProtocolError

from . import expect, report
from .rules import Rule
from .runner import Run
from .themes import THEMES
from .verdicts import Verdict

HELD, BROKEN, USAGE, NO_CONNECTION = 0, 1, 2, 3
"""Exit statuses: every rule held, some are broken, usage error, no connection."""

TIMEOUT_SECONDS = 2.0

ALL_RULES: Sequence[Rule] = [rule for theme in THEMES for rule in theme.rules]


def main(arguments: list[str]) -> int:
    """Check the server that `arguments` name, or list the rules; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    rules = [rule for rule in ALL_RULES if not options.only or rule.matches(options.only)]
    if not rules:
        parser.error(f"no rule matches {' or '.join(map(repr, options.only))}; --list shows them")
    if options.list:
        print(report.listing(rules))
        return HELD
    if options.address is None:
        parser.error("ADDRESS is missing")
    try:
        how = connect_options(options)
        how.check_for(options.address)
        run = Run(options.address, options.timeout, how)
        reason = run.handshake()
    except (ValueError, LocalProtocolError) as error:
        parser.error(in_flags(str(error)))
    if reason:
        print(f"no connection to {options.address}: {expect.printable(reason)}", file=sys.stderr)
        return NO_CONNECTION
    return _print_findings(run, rules, options)


def _print_findings(run: Run, rules: Sequence[Rule], options: argparse.Namespace) -> int:
    if not options.json:
        print(report.header())
    for finding in run.check(rules):
        line = report.json_line(finding) if options.json else report.row(finding, options.verbose)
        print(line, flush=True)
    if not options.json:
        print(report.summary(run.findings))
    if run.left_behind:
        print(f"{run.left_behind} blocks may be left on the server", file=sys.stderr)
    return BROKEN if run.count(Verdict.BROKEN) else HELD


def _address(text: str) -> ServerAddress:
    try:
        return parse_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ether_protocol conformance",
        description="Check a server against the rules of docs/protocol.md, and print for each rule "
        "whether it holds. Every block that is allocated is freed again.",
        epilog="Exit status: 0 all rules held, 1 some are broken, 2 usage, 3 no connection.",
    )
    parser.add_argument(
        "address",
        nargs="?",
        type=_address,
        metavar="ADDRESS",
        help="the server to check: HOST:PORT, ethers://HOST:PORT, or the path of a Unix socket",
    )
    add_connecting(parser)
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="PATTERN",
        help="check only the rules whose name contains or matches this: filler, '*-v1'; may repeat",
    )
    parser.add_argument("--list", action="store_true", help="list the rules and check none")
    parser.add_argument("--json", action="store_true", help="print one JSON object per rule")
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=TIMEOUT_SECONDS,
        metavar="SECONDS",
        help="how long the server may be silent (default: %(default)g)",
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="add names and times")
    return parser
