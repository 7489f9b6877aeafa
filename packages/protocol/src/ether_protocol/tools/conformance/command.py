"""`python -m ether_protocol conformance`: from arguments to an exit status.

Rule: findings go to standard output as they are made, everything else to
standard error.
"""

from __future__ import annotations

import argparse
import socket
import sys
from collections.abc import Sequence

from ether_protocol.address import Address, parse_address
from ether_protocol.bodies import decode_hello
from ether_protocol.errors import RemoteProtocolError, ServerError, Unauthenticated
from ether_protocol.vocabulary import ErrorCode

from . import expect, report
from .requests import hello
from .rules import Rule
from .runner import Run
from .themes import THEMES
from .trial import Trial
from .verdicts import Broken, Verdict

HELD, BROKEN, USAGE, NO_CONNECTION = 0, 1, 2, 3
"""Exit statuses: every rule held, some are broken, a mistake in the command, no server there."""

TIMEOUT_SECONDS = 2.0

_NOT_SERVED = (ErrorCode.FORBIDDEN, ErrorCode.BUSY, ErrorCode.UNAUTHENTICATED)

ALL_RULES: Sequence[Rule] = [rule for theme in THEMES for rule in theme.rules]


def declare(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to `parser`."""
    parser.add_argument(
        "address", nargs="?", type=_address, metavar="HOST:PORT", help="the server to check"
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="PATTERN",
        help="only rules whose name has this in it or matches it (filler, '*/v1-*'); may repeat",
    )
    parser.add_argument("--list", action="store_true", help="list the rules and try none")
    parser.add_argument("--json", action="store_true", help="one JSON object a rule")
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=TIMEOUT_SECONDS,
        metavar="SECONDS",
        help="how long the server may be silent (default %(default)g)",
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="names and times of the rules")


def run(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Check a server, or list the rules; returns the exit status."""
    only = arguments.only
    rules = [rule for rule in ALL_RULES if not only or rule.matches(only)]
    if not rules:
        parser.error(f"no rule matches {' or '.join(map(repr, only))}; --list shows them")
    if arguments.list:
        print(report.listing(rules))
        return HELD
    if arguments.address is None:
        parser.error("HOST:PORT is missing")
    try:
        _reach(arguments.address, arguments.timeout)
    except (ServerError, OSError) as error:
        print(f"no connection to {arguments.address}: {error}", file=sys.stderr)
        return NO_CONNECTION
    return _check(Run(arguments.address, arguments.timeout), rules, arguments)


def _check(run: Run, rules: Sequence[Rule], arguments: argparse.Namespace) -> int:
    if not arguments.json:
        print(report.head())
    for finding in run.each(rules):
        told = (
            report.json_line(finding) if arguments.json else report.row(finding, arguments.verbose)
        )
        print(told, flush=True)
    if not arguments.json:
        print(report.summary(run.findings, run.left_behind))
    return BROKEN if run.count(Verdict.BROKEN) else HELD


def _reach(address: Address, timeout: float) -> None:
    """Raise OSError where nothing listens, ServerError where this client is not served.

    A server that answers with anything else is there: the rules will tell.
    """
    try:
        socket.create_connection((address.host, address.port), timeout).close()
    except UnicodeError:
        raise OSError(f"{address.host!r} is no name of a machine") from None
    trial = Trial(address, timeout)
    try:
        reply = trial.connect().ask(hello(b"conformance"))
        refusal = expect.error_of(reply)
        if refusal is not None and refusal.code in _NOT_SERVED:
            raise refusal
        if refusal is None and decode_hello(reply.payload).auth_needed:
            raise Unauthenticated("it wants an AUTH first, which this check cannot give")
    except (Broken, RemoteProtocolError):
        pass
    finally:
        trial.clean()


def _address(text: str) -> Address:
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
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds
