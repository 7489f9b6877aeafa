"""What one connection's requests are answered: made into bytes, counted, logged and batched.

Rule: every request that is passed to it gets one reply, in its place, or the
connection is told that it will have none.
"""

from __future__ import annotations

import logging
from typing import Protocol

from ether_daemon.engine.reply_buffer import MAX_BODY_BYTES
from ether_daemon.service.commands import Caller, Reply, Stranger, Streamed, perform
from ether_daemon.service.principal import PrincipalCounters
from ether_daemon.stores.contract import TakeablePayload
from ether_daemon.stores.future import Future
from ether_protocol.wire.bodies import error_reply
from ether_protocol.wire.codec import encode_header
from ether_protocol.wire.constants import MAX_PAYLOAD_BYTES, Command
from ether_protocol.wire.framing import Refusal
from ether_protocol.wire.messages import Buffer, Message

from . import request_log
from .send_batch import Recipient, SendBatch
from .send_queue import MAX_EXPECTED_BYTES, Piece, blank

log = logging.getLogger("etherd")

_READ = int(Command.READ)


class Asker(Recipient, Protocol):
    """What is needed here of a connection."""

    def settled(self, pieces: Future[list[Piece]]) -> None:
        """A reply that was awaited is there, or has failed."""


class Responder:
    """The answering half of one connection."""

    __slots__ = ("_batch", "_recipient", "counters", "logs_requests", "peer")

    def __init__(self, batch: SendBatch, recipient: Asker, counters: PrincipalCounters) -> None:
        self.peer = "?"
        """The client, as log lines name it."""
        self.counters = counters
        """The principal's, once there is one."""
        self.logs_requests = log.isEnabledFor(logging.DEBUG)
        """Whether each request is logged, so that none may take the fast path."""
        self._batch = batch
        self._recipient = recipient

    def close(self) -> None:
        """Nothing more is answered: forget the connection, which knows this."""
        del self._recipient

    def answer_taking(self, caller: Caller, request: Message, payload: TakeablePayload) -> None:
        """Carry `request` out; its payload has memory of its own, which a store may keep."""
        caller.payload = payload
        try:
            self.answer(caller, request)
        finally:
            caller.payload = None

    def answer(self, caller: Caller | Stranger, request: Message) -> None:
        """Carry `request` out and put its reply behind the others."""
        self.counters.requests[request.command] += 1
        if self.logs_requests:
            request_log.request(log, self.peer, request)
        held_bytes = len(request.payload)  # which a store may take
        answer = perform(caller, request)
        if isinstance(answer, Message):
            self._put(answer, request.command)
        elif isinstance(answer, Future):
            expected = min(request.size, MAX_PAYLOAD_BYTES) if request.command == _READ else 0
            self._put_later(answer, request.command, held_bytes, expected)
        else:
            self._batch.put_pieces(self._recipient, self._pieces(answer, request.command))

    def accept(self, request: Message) -> None:
        """Answer `request` with an OK that says nothing more."""
        self.counters.requests[request.command] += 1
        self._put(request.reply(), request.command)

    def answer_later(self, request: Message, answer: Future[Reply]) -> None:
        """The same with what comes later; no further request is read until then."""
        self.counters.requests[request.command] += 1
        self._put_later(answer, request.command, 0, MAX_EXPECTED_BYTES + 1)

    def refuse(self, request: Message, refusal: Refusal) -> None:
        """Answer `request` with the reason why it is not carried out."""
        level = logging.INFO if refusal.fatal else logging.DEBUG
        log.log(level, "Refused %s: %s, %s", self.peer, refusal.code.name, refusal.text)
        self._put(error_reply(request, refusal.code, refusal.text), request.command)

    def _put(self, message: Message, command: int) -> None:
        payload = message.payload
        if len(payload) > MAX_BODY_BYTES:
            self._batch.put_pieces(self._recipient, self._pieces(message, command))
            return
        if self.logs_requests:
            request_log.reply(log, self.peer, command, message)
        self._batch.put(self._recipient, encode_header(message, len(payload)), payload)
        if isinstance(payload, bytearray):
            blank(payload)

    def _put_later(
        self, answer: Future[Reply], command: int, held_bytes: int, expected_bytes: int
    ) -> None:
        pieces = answer.then(lambda reply: self._pieces(reply, command))
        recipient = self._recipient  # which `close` forgets
        self._batch.put_later(
            recipient, pieces, lambda: recipient.settled(pieces), held_bytes, expected_bytes
        )

    def _pieces(self, reply: Reply, command: int) -> list[Piece]:
        """A reply that is long or came late, ready to send."""
        message, body = reply if isinstance(reply, Streamed) else (reply, _owned(reply.payload))
        if self.logs_requests:
            request_log.reply(log, self.peer, command, message)
        pieces: list[Piece] = [encode_header(message, len(body)), body]
        self.counters.bytes_out += len(pieces[0]) + len(body)
        return pieces if len(body) else pieces[:1]


def _owned(payload: Buffer) -> bytearray:
    """`payload`, in memory that is wiped when it has been sent."""
    return payload if isinstance(payload, bytearray) else bytearray(payload)
