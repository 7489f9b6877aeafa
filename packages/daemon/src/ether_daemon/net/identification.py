"""The talk with a client that has not said who it is: its requests, its tokens, its time.

Rule: nothing that is asked here reaches a principal; who is let in, and how
often somebody may be wrong, is decided by `admission` and `challenge`.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Protocol

from ether_daemon.service.commands import Reply, ServerFacts, Stranger
from ether_daemon.service.principal import Principal
from ether_daemon.stores.future import Future
from ether_protocol.wire.bodies import error_reply
from ether_protocol.wire.constants import Command
from ether_protocol.wire.framing import Refusal
from ether_protocol.wire.messages import Message

from .admission import Admission, Guest
from .challenge import Challenge
from .responder import Responder

log = logging.getLogger("etherd")


class Applicant(Guest, Protocol):
    """What is needed here of a connection."""

    peer: str

    def identified(self, admitted: Principal | Refusal, request: Message) -> None:
        """`request`, which is not answered yet, has said who it is."""

    def not_identified(self) -> None:
        """It was wrong once too often, and has been told so."""


class Identification:
    """The talk with one client, until it has said who it is."""

    __slots__ = ("_admission", "_applicant", "_challenge", "_responder", "_stranger")

    def __init__(
        self, applicant: Applicant, admission: Admission, responder: Responder, facts: ServerFacts
    ) -> None:
        self._applicant = applicant
        self._admission = admission
        self._responder = responder
        self._stranger = Stranger(facts)
        self._challenge = Challenge(self._too_late)

    def take(self, request: Message) -> None:
        """Answer `request`, or have the applicant do that."""
        if request.command != Command.AUTH or not self._admission.takes_tokens:
            self._responder.answer(self._stranger, request)
            return
        admitted = self._admission.authenticate(self._applicant, bytes(request.payload))
        if admitted is None:
            answer: Future[Reply] = Future()
            self._responder.answer_later(request, answer)
            self._challenge.failed(partial(self._answer_wrong_token, request, answer))
            return
        self.over()
        self._applicant.identified(admitted, request)

    def over(self) -> None:
        """It has said who it is, or is gone: wait for nothing more."""
        self._challenge.over()

    def _too_late(self) -> None:
        log.info("Client at %s did not say in time who it is", self._applicant.peer)
        self._applicant.abort()

    def _answer_wrong_token(
        self, request: Message, answer: Future[Reply], refusal: Refusal
    ) -> None:
        log.warning("Client at %s has sent a wrong token", self._applicant.peer)
        answer.set_result(error_reply(request, refusal.code, refusal.text))
        if refusal.fatal:
            self._applicant.not_identified()
