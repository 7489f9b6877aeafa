"""Checks rules one after the other, each with a fixture of its own.

Rule: no rule can end the run.  Whatever the server did to one rule, the next
one starts with new connections.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ether_protocol.client.core.options import ConnectOptions
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
    options: ConnectOptions = field(default_factory=ConnectOptions)
    findings: list[Finding] = field(default_factory=list)
    left_behind: int = 0
    features: frozenset[str] | None = None
    """The features that HELLO named; None where no HELLO was asked: then all are expected."""
    token: bytes | None = field(default=None, repr=False)
    """What each connection gives first, if HELLO has said that a token is needed."""

    def handshake(self) -> str:
        """Ask HELLO; returns why this client is not served, or "".

        Any other wrong answer is left to the rules.  A server that answers
        neither HELLO nor PING is refused here, because every rule would wait
        for its timeout.
        """
        fixture = Fixture(self.address, self.timeout, options=self.options)
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
        self.features = frozenset(said.features)
        return self._try_token() if said.auth_needed else ""

    def _try_token(self) -> str:
        """Find out whether the server accepts the token; returns why it does not, or ""."""
        self.token = self.options.current_token()
        if self.token is None:
            return "it wants a token: give it with --token-file"
        fixture = self._fixture()
        try:
            fixture.connect()
        except NoConnection as error:
            return error.seen
        except RuleBroken as broken:
            return f"it does not accept the token: {broken.seen}"
        finally:
            fixture.clean()
        return ""

    def _fixture(self) -> Fixture:
        return Fixture(self.address, self.timeout, self.features, self.options, self.token)

    def _answers_ping(self) -> bool:
        """Whether a PING of either version gets any message as its reply."""
        for version in HEADER_BYTES:
            fixture = self._fixture()
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
        fixture = self._fixture()
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
