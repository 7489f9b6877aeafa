"""One connection: requests in, replies out, and back-pressure in between.

Rule: a session knows nothing about memory.  It has requests carried out,
keeps the replies in order, and reads no further than its client takes them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Protocol, cast

from ether_daemon.engine.python import FastPath
from ether_daemon.engine.reply_buffer import MAX_BODY_BYTES, TURN_BYTES, Replies
from ether_daemon.service.commands import Caller, Reply, Streamed, perform
from ether_daemon.stores.future import Later
from ether_protocol.sansio.server import Refused
from ether_protocol.sockets import do_not_pace
from ether_protocol.wire.address import Address
from ether_protocol.wire.bodies import error_reply
from ether_protocol.wire.codec import encode_header
from ether_protocol.wire.framing import Refusal
from ether_protocol.wire.messages import Message

from . import request_log
from .receive import Intake, ReceiveBuffer
from .send_batch import Rounds
from .send_queue import Outbox, Piece

log = logging.getLogger("etherd")

TURN_SECONDS = 0.005
"""How long one client may keep the event loop before the others have their turn."""

LINGER_SECONDS = 0.5
"""How long a refused client may take to read why, before it is cut off."""


class Service(Protocol):
    """What a session needs of the server it belongs to."""

    receive_buffer: ReceiveBuffer
    replies: Replies
    rounds: Rounds
    fast_path: FastPath | None
    requests: list[int]
    bytes_in: int
    bytes_out: int

    def admit(self, session: Session) -> Refusal | None:
        """Take a new session in, or say why not."""

    def leave(self, session: Session) -> None:
        """A session is over."""

    def caller(self) -> Caller:
        """The caller that a new session acts for."""


class Session(asyncio.BufferedProtocol):
    """One client's connection."""

    def __init__(self, service: Service) -> None:
        self.caller = service.caller()
        self.peer = "?"
        self._service = service
        self._intake = Intake(service.receive_buffer)
        self._debug = log.isEnabledFor(logging.DEBUG)
        # The fast path writes no log, so it is not taken where one is wanted.
        self._fast = None if self._debug else service.fast_path
        self._quick: FastPath | None = None  # the same, while nothing of earlier turns is left
        self._denied: Refusal | None = None
        self._received = service.receive_buffer.view
        self._replies = service.replies
        self._rounds = service.rounds
        self._reading = True  # False while requests wait for their turn, or for the client
        self._ending = False  # no further request is taken
        self._draining = False  # the same, once the one being received is whole
        self._half_closed = False  # the client will send no more

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask the server whether this client is served, and set up the flow control."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=0, low=0)
        self._outbox = Outbox(self._transport, _descriptor(transport))
        sock = transport.get_extra_info("socket")
        if sock is not None:
            do_not_pace(sock)
        self.address = transport.get_extra_info("peername")
        self.peer = _format_peer(self.address)
        self._denied = self._service.admit(self)
        if self._denied:
            log.warning("Client refused: %s: %s", self.peer, self._denied.text)
            self._fast = None
            self._cut_off_in(2 * LINGER_SECONDS)
        else:
            log.info("Client connected from %s", self.peer)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Lend the transport the place where the next bytes belong."""
        return self._received if self._quick is not None else self._intake.get_buffer()

    def buffer_updated(self, nbytes: int) -> None:
        """Carry out what has come."""
        self._service.bytes_in += nbytes
        if self._ending:
            return
        if not self._rounds.under_way:
            self._rounds.begin()
        stop = 0
        if self._quick is not None:
            filled = self._replies.filled
            stop, filled = self._quick(self._received, 0, nbytes, filled, filled + TURN_BYTES)
            if stop:
                self._rounds.answer(self, filled)
                if stop == nbytes:  # all that came is answered
                    return
        self._intake.received(nbytes)
        self._intake.skipped_to(stop)
        self._take_turn()

    def eof_received(self) -> bool:
        """Keep a half-closed connection until its replies are out."""
        self._half_closed = True
        if self._ending:
            self._say_goodbye()
        else:
            self._end_if_served()
        return True

    def pause_writing(self) -> None:
        """Stop: the client does not take what was sent."""
        self._outbox.paused = True

    def resume_writing(self) -> None:
        """Go on sending, and then with the requests that waited."""
        self._outbox.paused = False
        self._outbox.pump()
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything that was only this connection's."""
        self._rounds.send()
        self._ending = True
        self._intake.close()
        self._outbox.cancel()
        self._service.leave(self)
        if not self._denied:
            log.info("Client disconnected: %s%s", self.peer, f" ({exc})" if exc else "")

    # What the server and its rounds call

    def send_gathered(self, replies: memoryview) -> None:
        """Send what this round's requests were answered while nothing of earlier turns waited."""
        outbox = self._outbox
        if outbox.paused:  # by replies of this very round
            outbox.send(replies)
        elif not outbox.send_at_once(replies):
            self._read(not outbox.paused)

    def drain(self) -> None:
        """Finish the request that is being received and the replies that are due, then close."""
        self._draining = True
        self._end_if_served()

    def abort(self) -> None:
        """Close now, whatever is under way."""
        self._transport.abort()

    # A turn

    def _take_turn(self) -> None:
        """Carry out what was received, as long as the client's turn and its replies allow."""
        self._rounds.send()
        self._replies.in_use = True
        try:
            turn_over = self._serve()
            self._flush()
        finally:
            self._replies.clear()
        self._intake.rest()
        self._quick = None
        if self._ending:
            self._intake.close()
            self._say_goodbye()
            return
        if turn_over or self._outbox.blocked:
            self._read(False)
            if turn_over:
                asyncio.get_running_loop().call_soon(self._go_on)
            return
        self._read(True)
        if self._draining or self._half_closed:
            self._end_if_served()
        elif self._intake.clean and self._outbox.empty:
            self._quick = self._fast

    def _serve(self) -> bool:
        """Deal with request after request; returns whether it stopped because the turn is over."""
        intake, fast, replies = self._intake, self._fast, self._replies
        until = 0.0
        while not self._ending and not self._outbox.blocked:
            item = intake.next()
            if item is None:
                return False
            if isinstance(item, Refused):
                self._refuse(item.message, item.refusal)
            elif self._denied:
                self._refuse(item, self._denied)
            else:
                self._answer(item)
            if self._draining and self._reading:
                self._ending = True  # that was the one that was being received
                return False
            if intake.start == intake.end:
                return False
            if fast is not None and intake.at_header:
                stop, replies.filled = fast(
                    intake.view, intake.start, intake.end, replies.filled, TURN_BYTES
                )
                intake.skipped_to(stop)
            if replies.filled >= TURN_BYTES:
                self._flush()
            now = time.monotonic()
            until = until or now + TURN_SECONDS
            if now > until:
                return True
        return False

    def _answer(self, request: Message) -> None:
        """Carry `request` out and put its reply behind the others."""
        self._service.requests[request.command] += 1
        if self._debug:
            request_log.request(log, self.peer, request)
        answer = perform(self.caller, request)
        if isinstance(answer, Message):
            self._reply(answer, request.command)
            return
        self._flush()
        if isinstance(answer, Later):
            pieces = answer.then(lambda reply: self._pieces(reply, request.command))
            self._outbox.send_later(pieces, lambda: self._settled(pieces))
        else:
            self._outbox.send_pieces(self._pieces(answer, request.command))

    def _reply(self, message: Message, command: int) -> None:
        if self._debug:
            request_log.reply(log, self.peer, command, message)
        payload = message.payload
        length = len(payload)
        if length > MAX_BODY_BYTES or self._replies.filled >= TURN_BYTES:
            self._flush()
        if length > MAX_BODY_BYTES:
            self._outbox.send_pieces(self._pieces(message, command))
        else:
            self._replies.put(encode_header(message, length), payload)

    def _pieces(self, reply: Reply, command: int) -> list[Piece]:
        """A reply that does not go the short way, ready to send."""
        message, body = reply if isinstance(reply, Streamed) else (reply, bytes(reply.payload))
        if self._debug:
            request_log.reply(log, self.peer, command, message)
        pieces: list[Piece] = [encode_header(message, len(body)), body]
        self._service.bytes_out += len(pieces[0]) + len(body)
        return pieces if len(body) else pieces[:1]

    def _refuse(self, message: Message, refusal: Refusal) -> None:
        level = logging.INFO if refusal.fatal else logging.DEBUG
        log.log(level, "Refused %s: %s, %s", self.peer, refusal.code.name, refusal.text)
        self._reply(error_reply(message, refusal.code, refusal.text), message.command)
        if refusal.fatal:
            self._end()

    def _flush(self) -> None:
        """Send this turn's replies."""
        filled = self._replies.filled
        if filled:
            self._service.bytes_out += filled
            self._outbox.send(self._replies.take())

    # Back-pressure and endings

    def _go_on(self) -> None:
        """Take up the requests that had to wait, once they may."""
        if self._replies.in_use:
            # Called from within a turn, this session's or another's: go on after it.
            asyncio.get_running_loop().call_soon(self._go_on)
        elif self._ending:
            self._say_goodbye()
        elif not self._reading and not self._outbox.blocked:
            self._intake.resume()
            self._take_turn()
        else:
            self._end_if_served()

    def _settled(self, pieces: Later[list[Piece]]) -> None:
        """A reply that was awaited is there, or never will be."""
        try:
            pieces.result()
        except Exception:
            log.exception("A request of %s failed", self.peer)
            self._ending = True
            self._outbox.cancel()
            self._transport.abort()
            return
        self._outbox.pump()
        self._go_on()

    def _read(self, reading: bool) -> None:
        if reading is not self._reading and not self._transport.is_closing():
            self._reading = reading
            if reading:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def _end_if_served(self) -> None:
        """End where no further request can come, or none is wanted."""
        if self._ending or not self._reading:
            return
        if self._half_closed or (self._draining and not self._intake.partial):
            self._ending = True
            self._say_goodbye()

    def _end(self) -> None:
        """Take no more, send what is due, and close so that it can be read."""
        self._ending = True
        self._flush()
        self._read(True)
        self._cut_off_in(LINGER_SECONDS)
        self._say_goodbye()

    def _say_goodbye(self) -> None:
        """Close, once everything is sent, and not before the client knows that this was all."""
        self._rounds.send()
        if not self._outbox.empty or self._transport.is_closing():
            return
        if self._half_closed or not self._transport.can_write_eof():
            self._transport.close()
            return
        # Closing at once would reset the connection while the client still
        # sends, and the reset could overtake the replies.
        self._transport.write_eof()
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self._transport.close)

    def _cut_off_in(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._transport.abort)


def _descriptor(transport: asyncio.BaseTransport) -> int:
    """The socket's descriptor where plain bytes may be written to it, else -1."""
    sock = transport.get_extra_info("socket")
    plain = sock is not None and transport.get_extra_info("sslcontext") is None
    return int(sock.fileno()) if plain else -1


def _format_peer(address: object) -> str:
    if isinstance(address, tuple) and len(address) >= 2:
        return str(Address(*address[:2]))
    return "an unknown address" if address is None else str(address or "a local socket")
