"""Checks rules one after the other, each with a fixture of its own.

Rule: no rule can end the run.  Whatever the server did to one rule, the next
one starts with new connections.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ether_protocol.wire.address import ServerAddress
from ether_protocol.wire.bodies import decode_hello
from ether_protocol.wire.codec import HEADER_BYTES
from ether_protocol.wire.constants import Command, ErrorCode
from ether_protocol.wire.errors import EtherError, RemoteProtocolError
from ether_protocol.wire.messages import Message

from . import expect
from .fixture import Fixture
from .requests import hello
from .rules import Rule
from .verdicts import Finding, NoConnection, RuleBroken, RuleSkipped, Verdict

_NOT_SERVED = (ErrorCode.FORBIDDEN, ErrorCode.BUSY, ErrorCode.UNAUTHENTICATED)


@dataclass
class Run:
    """One run against one server; `left_behind` counts blocks that could not be freed."""

    address: ServerAddress
    timeout: float
    findings: list[Finding] = field(default_factory=list)
    left_behind: int = 0
    features: frozenset[str] | None = None
    """The features that HELLO named; None where no HELLO was asked: then all are expected."""

    def handshake(self) -> str:
        """Ask HELLO; returns why this client is not served, or "".

        Any other wrong answer is left to the rules.  A server that answers
        neither HELLO nor PING is refused here, because every rule would wait
        for its timeout.
        """
        fixture = Fixture(self.address, self.timeout)
        try:
            reply = fixture.connect().ask(hello(b"conformance"))
            refusal = expect.error_of(reply)
            if refusal is not None:
                return str(refusal) if refusal.code in _NOT_SERVED else ""
            said = decode_hello(reply.payload)
        except NoConnection as error:
            return error.seen
        except (RuleBroken, RemoteProtocolError):
            return (
                ""
                if self._answers_ping()
                else "it answers neither HELLO nor PING: is it an etherd?"
            )
        finally:
            fixture.clean()
        if said.auth_needed:
            return "it wants an AUTH first, which this check cannot give"
        self.features = frozenset(said.features)
        return ""

    def _answers_ping(self) -> bool:
        """Whether a PING of either version gets any message as its reply."""
        for version in HEADER_BYTES:
            fixture = Fixture(self.address, self.timeout)
            try:
                fixture.connect().ask(Message(Command.PING, version=version))
                return True
            except RuleBroken:
                continue
            finally:
                fixture.clean()
        return False

    def check(self, rules: Iterable[Rule]) -> Iterator[Finding]:
        """CheckFunction `rules` and give out each finding as it is made."""
        for rule in rules:
            finding = self._check(rule)
            self.findings.append(finding)
            yield finding

    def count(self, verdict: Verdict) -> int:
        """How many findings have this verdict."""
        return sum(finding.verdict is verdict for finding in self.findings)

    def _check(self, rule: Rule) -> Finding:
        fixture = Fixture(self.address, self.timeout, self.features)
        began = time.monotonic()
        try:
            verdict, expected, seen = self._verdict(rule, fixture)
        finally:
            self.left_behind += fixture.clean()
        seconds = time.monotonic() - began
        return Finding(rule.name, rule.section, rule.sentence, verdict, expected, seen, seconds)

    def _verdict(self, rule: Rule, fixture: Fixture) -> tuple[Verdict, str, str]:
        try:
            rule.check(fixture)
        except RuleBroken as broken:
            return Verdict.BROKEN, broken.expected, broken.seen
        except RuleSkipped as skipped:
            return Verdict.SKIPPED, "", str(skipped)
        except (EtherError, OSError) as error:
            return Verdict.BROKEN, "a server that can be spoken to", str(error)
        return Verdict.HELD, "", ""
