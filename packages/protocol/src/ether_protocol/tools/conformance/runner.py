"""Tries rules one after the other, each with connections of its own.

Rule: a rule can't end the run.  Whatever the server does to one, the next
begins anew.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ether_protocol.wire.address import Address
from ether_protocol.wire.bodies import decode_hello
from ether_protocol.wire.codec import HEADER_BYTES
from ether_protocol.wire.constants import Command, ErrorCode
from ether_protocol.wire.errors import EtherError, RemoteProtocolError
from ether_protocol.wire.messages import Message

from . import expect
from .requests import hello
from .rules import Rule
from .trial import Trial
from .verdicts import Broken, Finding, NoConnection, Skipped, Verdict

_NOT_SERVED = (ErrorCode.FORBIDDEN, ErrorCode.BUSY, ErrorCode.UNAUTHENTICATED)


@dataclass
class Run:
    """One run against one server; `left_behind` counts blocks that could not be freed."""

    address: Address
    timeout: float
    findings: list[Finding] = field(default_factory=list)
    left_behind: int = 0
    features: frozenset[str] | None = None
    """What the server says that it has; None before it was asked, and then all is expected."""

    def greet(self) -> str:
        """Ask what the server has; returns why this client is not served, or nothing.

        A server that answers with anything else is there: the rules will tell.  One
        that never says a word would be silent for each of them, for minutes.
        """
        trial = Trial(self.address, self.timeout)
        try:
            reply = trial.connect().ask(hello(b"conformance"))
            refusal = expect.error_of(reply)
            if refusal is not None:
                return str(refusal) if refusal.code in _NOT_SERVED else ""
            said = decode_hello(reply.payload)
        except NoConnection as error:
            return error.seen
        except (Broken, RemoteProtocolError):
            return "" if self._speaks() else "it answers neither HELLO nor PING: is it an etherd?"
        finally:
            trial.clean()
        if said.auth_needed:
            return "it wants an AUTH first, which this check cannot give"
        self.features = frozenset(said.features)
        return ""

    def _speaks(self) -> bool:
        """Whether a PING of one version at least gets a message back, whatever it says."""
        for version in HEADER_BYTES:
            trial = Trial(self.address, self.timeout)
            try:
                trial.connect().ask(Message(Command.PING, version=version))
                return True
            except Broken:
                continue
            finally:
                trial.clean()
        return False

    def each(self, rules: Iterable[Rule]) -> Iterator[Finding]:
        """Try `rules` and give out each finding as it is made."""
        for rule in rules:
            finding = self._try(rule)
            self.findings.append(finding)
            yield finding

    def count(self, verdict: Verdict) -> int:
        """How many rules ended so."""
        return sum(finding.verdict is verdict for finding in self.findings)

    def _try(self, rule: Rule) -> Finding:
        trial = Trial(self.address, self.timeout, self.features)
        began = time.monotonic()
        try:
            verdict, expected, seen = self._attempt(rule, trial)
        finally:
            self.left_behind += trial.clean()
        seconds = time.monotonic() - began
        return Finding(rule.name, rule.section, rule.sentence, verdict, expected, seen, seconds)

    def _attempt(self, rule: Rule, trial: Trial) -> tuple[Verdict, str, str]:
        try:
            rule.attempt(trial)
        except Broken as broken:
            return Verdict.BROKEN, broken.expected, broken.seen
        except Skipped as skipped:
            return Verdict.SKIPPED, "", str(skipped)
        except (EtherError, OSError) as error:
            return Verdict.BROKEN, "a server that can be spoken to", str(error)
        return Verdict.HELD, "", ""
