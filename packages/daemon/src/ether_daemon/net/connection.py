"""One connection: requests in, replies out, and back-pressure in between.

Rule: a connection does not know what a request means.  It has requests answered
in their order, and reads no further than its client takes the replies.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import cast

from ether_daemon.engine.reply_buffer import TURN_BYTES
from ether_daemon.service.commands import (
    AFTER_AUTH,
    READ_ONLY,
    Caller,
)
from ether_daemon.service.principal import FastPath, Principal, Serve
from ether_daemon.stores.future import Future
from ether_protocol.sansio.server import Refused, ServerConnection
from ether_protocol.sockets import do_not_pace
from ether_protocol.wire.constants import (
    MAX_PAYLOAD_BYTES,
    MAX_TOKEN_BYTES,
    VERSION_1,
    VERSION_2,
)
from ether_protocol.wire.framing import Refusal
from ether_protocol.wire.messages import Message

from .buffer_pool import PooledPayload
from .challenge import RECEIVED_BYTES, TOO_LONG
from .connection_state import Event, State, follow
from .flood_pacing import FloodPacing, Pace
from .identification import Identification
from .origin import Origin, origin_of
from .receive import FLOOD_BYTES, MAX_KEPT_BYTES
from .responder import Responder
from .send_queue import Piece, SendQueue
from .shared import Shared

log = logging.getLogger("etherd")

TURN_SECONDS = 0.003
"""After this long of one client's requests the others have their turn: with the last request,
or the last call of the fast path, a step of the event loop stays below 5 ms."""

_OPEN, _DRAINING = State.OPEN, State.DRAINING  # to name a member of an enum is slow


class Connection(asyncio.BufferedProtocol):
    """One client's connection."""

    __slots__ = (
        "_account",
        "_backlog",
        "_batch",
        "_begun",
        "_caller",
        "_client_done",
        "_deadlines",
        "_fast_path",
        "_flood_pacing",
        "_identification",
        "_reading",
        "_received",
        "_receiver",
        "_refusal",
        "_responder",
        "_serve_arrivals",
        "_shared",
        "_state",
        "_transport",
        "_turn_due",
        "counters",
        "origin",
        "peer",
        "send_queue",
    )

    def __init__(self, shared: Shared) -> None:
        self.peer = "?"
        self.origin: Origin
        self.send_queue: SendQueue
        self._shared = shared
        self._account = shared.budget.account(self)
        self._deadlines = shared.deadlines
        self._batch = shared.batch
        self._received = shared.memory.view
        self._receiver = ServerConnection(shared.memory)
        self._state = State.GREETING
        self._client_done = False  # the client has closed its side
        self._responder = Responder(shared.batch, self, shared.counters)
        self._refusal: Refusal | None = None
        self._caller: Caller | None = None
        self._identification: Identification | None = None  # while nobody knows who it is
        self.counters = self._responder.counters
        self._fast_path: FastPath | None = None
        self._serve_arrivals: Serve | None = None  # of that, while nothing earlier is left
        self._reading = True  # the transport may receive
        self._backlog = False  # requests that were received wait for their turn
        self._begun = False  # a message has begun to arrive, or whole ones wait
        self._turn_due = False  # `_take_up` will be called
        self._flood_pacing: FloodPacing | None = None  # most clients never fill a buffer

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask whether this client is served, and set up the flow control."""
        self._transport = cast(asyncio.Transport, transport)
        # Pause at the first byte that is kept; uvloop's TLS would already at none with a high of 0.
        encrypted = transport.get_extra_info("sslcontext") is not None
        self._transport.set_write_buffer_limits(high=int(encrypted), low=0)
        self.send_queue = SendQueue(self._transport, _descriptor(transport), self._account.sending)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            do_not_pace(sock)
        self.origin = origin_of(transport)
        self.peer = self._responder.peer = self.origin.text
        admitted = self._shared.admission.admit(self)
        if isinstance(admitted, Principal):
            self._act_for(admitted)
        elif admitted is None:
            self._ask_who_it_is()
        else:
            self._refuse_everything(admitted)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Lend the transport the place where the next bytes belong."""
        if self._serve_arrivals is not None:
            return self._received
        room = self._receiver.get_buffer()
        if self._identification is not None:
            return room[:RECEIVED_BYTES]
        if self._flood_pacing is not None and not self._receiver.payload_apart:
            return room[: len(self._received)]
        return room

    def buffer_updated(self, nbytes: int) -> None:
        """Carry out what has come."""
        self.counters.bytes_in += nbytes
        batch, serve, stop = self._batch, self._serve_arrivals, 0
        batch.arrivals += 1
        if serve is None and not self._state.serving:
            return
        if not batch.under_way:
            batch.begin()
        if serve is not None:
            before = batch.replies.filled
            stop, filled = serve(self._received, 0, nbytes, before, before + TURN_BYTES)
            if stop:
                batch.answered(self, filled)
                if stop == nbytes:  # all that came is answered
                    if nbytes >= FLOOD_BYTES:
                        self._received_much(nbytes, replies_bytes=filled - before)
                    return
        if not self._receiver.received(nbytes):
            self._account.receiving(self._receiver.held_bytes)
            return  # a part of a long payload
        if stop:
            self._receiver.skip_to(stop)
        if nbytes < FLOOD_BYTES:
            self._take_turn()
        else:
            began = self._shared.clock()
            self._take_turn()
            self._received_much(nbytes, seconds=self._shared.clock() - began)

    def eof_received(self) -> bool:
        """Keep a half-closed connection until its replies are sent."""
        self._client_done = True
        self._follow(Event.CLIENT_DONE)
        self._end_if_served()
        # TLS has no half-closed connections: what is under way is sent, and it closes.
        return self._transport.can_write_eof()

    def pause_writing(self) -> None:
        """Stop: the client does not take what was sent."""
        self.send_queue.paused = True
        self._deadlines.stalled(self)

    def resume_writing(self) -> None:
        """Go on sending, and then with the requests that waited."""
        self.send_queue.paused = False
        self._deadlines.flowing(self)
        self.send_queue.taken()
        self.send_queue.pump()
        self._take_up_soon()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything that was only this connection's."""
        self._batch.forget(self)
        self._follow(Event.GONE)
        self._stop_receiving()
        self._account.close()
        self._deadlines.forget(self)
        if self._identification is not None:
            self._identification.over()
            self._identification = None  # which knows this
        caller = self._caller
        self._shared.admission.leave(self, None if caller is None else caller.session_blocks)
        self._responder.close()
        if self._refusal is None:
            log.info("Client disconnected: %s%s", self.peer, f" ({exc})" if exc else "")

    # What the server and the send batch call

    def not_taken(self) -> None:
        """The client does not take its replies: read no more of it for now."""
        self._read(False)

    def drain(self) -> None:
        """Finish the request that is being received and the replies that are due, then close."""
        self._follow(Event.DRAIN)
        self._end_if_served()

    def abort(self) -> None:
        """Close now, whatever is under way."""
        self._transport.abort()

    def cut_off(self, why: str) -> None:
        """Close soon, and say `why` in the log: what it keeps, or does not do, hurts others.

        What it has sent of a message is let go of at once: until the transport
        has ended, two rounds of the event loop later, others could fill as much again.
        """
        log.warning("Client closed: %s: %s", self.peer, why)
        asyncio.get_running_loop().call_soon(self._transport.abort)
        self._follow(Event.GONE)
        if self._receiver.lent is None:  # else its turn is under way, and lets go when it ends
            self._stop_receiving()

    # What deadlines ask

    @property
    def announced_bytes(self) -> int:
        """How long the message that is being received says that it is, as far as is known."""
        return self._receiver.announced_bytes

    @property
    def untaken_bytes(self) -> int:
        """How many bytes of replies wait for the client."""
        return self.send_queue.untaken_bytes

    @property
    def unsent_bytes(self) -> int:
        """How many of them the transport has."""
        return self._transport.get_write_buffer_size()

    @property
    def is_read(self) -> bool:
        """Whether what the client sends is received just now."""
        return self._reading

    def was_idle(self) -> bool:
        """Whether there was nothing to do for it since this was last asked."""
        return not self._begun and self._reading and self.send_queue.empty

    # Admission

    def _act_for(self, principal: Principal) -> None:
        self._follow(Event.ADMITTED)
        admission = self._shared.admission
        read_only = admission.is_read_only(self)
        self._caller = Caller(principal, self._shared.facts)
        if admission.identifies:
            self._caller.handlers = READ_ONLY if read_only else AFTER_AUTH
        self.counters = self._responder.counters = principal.counters
        # The fast path writes no log and knows no READ_ONLY, so it is not taken for these.
        if not self._responder.logs_requests and not read_only:
            self._fast_path = principal.fast_path
        whom = f" as {principal.name}" if admission.identifies else ""
        log.info("Client connected from %s%s", self.peer, whom)

    def _ask_who_it_is(self) -> None:
        self._follow(Event.CHALLENGED)
        shared = self._shared
        self._identification = Identification(self, shared.admission, self._responder, shared.facts)
        self._receiver.limit_payloads(MAX_TOKEN_BYTES, TOO_LONG)

    def identified(self, admitted: Principal | Refusal, request: Message) -> None:
        """`request`, which is not answered yet, has said who the client is."""
        self._identification = None
        self._receiver.limit_payloads(MAX_PAYLOAD_BYTES)
        if isinstance(admitted, Refusal):
            self._refuse(request, admitted)
        else:
            self._act_for(admitted)
            self._responder.accept(request)

    def not_identified(self) -> None:
        """It was wrong about that once too often, and has been told so."""
        self._break_off()
        self._stop_receiving()
        self._read(True)
        self._finish()

    def _refuse_everything(self, refusal: Refusal) -> None:
        self._follow(Event.DENIED)
        self._refusal = refusal
        log.warning("Client refused: %s: %s", self.peer, refusal.text)
        self._cut_off_in(2 * self._shared.linger_seconds)

    # A turn

    def _take_turn(self) -> None:
        """Carry out what was received, as long as the client's turn and its replies allow."""
        turn_over = self._serve()
        self._batch.end_turn()
        self._receiver.suspend()
        self._serve_arrivals = None
        self._backlog = turn_over or self.send_queue.blocked
        begun = self._receiver.begun
        if begun or self._begun:
            self._note_begun(begun)
        if not self._state.serving:
            self._stop_receiving()
            self._read(True)
            self._finish()
        elif self._backlog:
            self._read(False)
            if turn_over:
                self._take_up_soon()
        else:
            if not self._reading:
                self._read(True)
            if self._state is not _OPEN:
                self._end_if_served()
            elif self.send_queue.empty:
                self._serve_arrivals = self._fast_serve()

    def _note_begun(self, begun: bool) -> None:
        """Something of a message, or whole ones that have to wait, are kept or no longer kept."""
        self._begun = begun
        self._account.receiving(self._receiver.held_bytes)
        if begun and not self._backlog and self._state is _OPEN:
            self._deadlines.message_begun(self)
        else:
            self._deadlines.message_over(self)

    def _serve(self) -> bool:
        """Deal with request after request; returns whether it stopped because the turn is over."""
        receiver, batch = self._receiver, self._batch
        caller, clock = self._caller, self._shared.clock
        refusal: Refusal | None
        until = 0.0
        while self._state.serving and not self.send_queue.blocked:
            item = receiver.next_event()
            if item is None:
                return False
            if self._begun:
                self._deadlines.message_over(self)
            if isinstance(item, Refused):
                request, refusal = item.message, item.refusal
            else:
                request, refusal = item, self._refusal  # of everything, where there is one
            if refusal is not None:
                self._refuse(request, refusal)
            elif caller is not None:
                lent = receiver.lent
                if isinstance(lent, PooledPayload):
                    self._responder.answer_taking(caller, request, lent)
                    batch.send()  # the client may wait for it before it sends more
                else:
                    self._responder.answer(caller, request)
            elif self._identification is not None:
                self._identification.take(request)
                caller = self._caller
            if self._state is _DRAINING and not self._backlog:
                self._follow(Event.SERVED)  # that was the one that was being received
                return False
            view, start, end = receiver.uncut()
            if start == end:
                return False
            serve = self._fast_serve()
            if serve is not None:
                filled = batch.replies.filled
                stop, filled = serve(view, start, end, filled, filled + TURN_BYTES)
                if stop != start:
                    batch.answered_within_turn(self, filled)
                    receiver.skip_to(stop)
            now = clock()
            until = until or now + TURN_SECONDS
            if now > until:
                return True
        return False

    def _fast_serve(self) -> Serve | None:
        """What answers plain messages in the version that the client speaks, if anything does."""
        fast_path = self._fast_path
        if fast_path is None:
            return None
        version = self._receiver.plain_version
        if version == VERSION_2:
            return fast_path.serve
        return partial(self._serve_v1, fast_path) if version == VERSION_1 else None

    def _serve_v1(
        self, fast_path: FastPath, data: memoryview, start: int, end: int, filled: int, full: int
    ) -> tuple[int, int]:
        """Have `fast_path` serve messages of version 1, behind which filler may follow."""
        stop, filled, filler = fast_path.serve_v1(data, start, end, filled, full)
        if stop != start:
            self._receiver.expect_filler(filler)
        return stop, filled

    def _refuse(self, request: Message, refusal: Refusal) -> None:
        self._responder.refuse(request, refusal)
        if refusal.fatal:
            self._break_off()

    def _break_off(self) -> None:
        self._follow(Event.BROKEN)
        self._cut_off_in(self._shared.linger_seconds)

    # Back-pressure

    def _received_much(self, nbytes: int, *, replies_bytes: int = 0, seconds: float = 0.0) -> None:
        """Perhaps read on in the next round, where a full buffer shows that more is there."""
        lent, memory = len(self._received), self._shared.memory
        full = lent - MAX_KEPT_BYTES <= nbytes <= lent  # more has come for a payload apart
        if not full or not self._state.serving:
            return
        # Else a client that waits for these replies waits until all it has sent is read.
        self._batch.send()
        pacing = self._flood_pacing = self._flood_pacing or FloodPacing()
        now, round_number = self._shared.clock(), self._batch.rounds
        pace = pacing.full(now, round_number, replies_bytes, seconds)
        if pace is Pace.LEND_ALL:
            self._received = memory.view
        elif pace is not Pace.READ_ON:
            if pace is Pace.PAUSE_AND_LEND_LESS:
                self._received = memory.flood_view
            self._read(False)
            self._take_up_soon()

    def _take_up_soon(self) -> None:
        """Go on with what had to wait, behind the turn that is under way, whoever has it."""
        if not self._turn_due:
            asyncio.get_running_loop().call_soon(self._take_up)
            self._turn_due = True  # not before it is: there may be no memory to schedule it

    def _take_up(self) -> None:
        """Take up the requests that had to wait, once they may."""
        self._turn_due = False
        if not self._state.serving:
            self._finish()
        elif not self._reading and not self.send_queue.blocked:
            self._batch.arrivals += 1
            if not self._batch.under_way:
                self._batch.begin()
            self._receiver.resume()
            try:
                self._take_turn()
            except Exception:
                # Where bytes have just arrived, the transport sees to this.
                self._fail()

    def settled(self, pieces: Future[list[Piece]]) -> None:
        """A reply that was awaited is there, or never will be."""
        try:
            pieces.result()
            self.send_queue.pump()
        except Exception:
            self._fail()
        else:
            self._take_up_soon()

    def _fail(self) -> None:
        """There is no reply to a request, and so none to those behind it: say so in the log."""
        log.exception("A request of %s failed", self.peer)
        self._follow(Event.BROKEN)
        self.send_queue.cancel()
        self._transport.abort()

    def _read(self, reading: bool) -> None:
        if reading is not self._reading and not self._transport.is_closing():
            self._reading = reading
            if reading:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    # Endings

    def _follow(self, event: Event) -> None:
        self._state = follow(self._state, event)

    def _end_if_served(self) -> None:
        """Where no further request can come, or none is wanted, end once all are served."""
        done = self._state is State.FINISHING or (
            self._state is State.DRAINING and not self._receiver.partial
        )
        if done and self._reading:
            self._follow(Event.SERVED)
        if not self._state.serving:
            self._stop_receiving()
            self._finish()

    def _stop_receiving(self) -> None:
        """Take no more; what still comes is dropped."""
        self._serve_arrivals = None
        self._receiver.close()

    def _finish(self) -> None:
        """Close, once everything is sent, and not before the client knows that this was all."""
        if self._transport.is_closing() or not self._batch.all_sent(self):
            return
        if self._client_done or not self._transport.can_write_eof():
            self._follow(Event.GONE)
            self._transport.close()
        elif self._state is State.CLOSING:
            # Closing at once would reset the connection while the client still
            # sends, and the reset could overtake the replies.
            self._follow(Event.ALL_SENT)
            self._read(True)
            self._transport.write_eof()
            asyncio.get_running_loop().call_later(
                self._shared.linger_seconds, self._transport.close
            )

    def _cut_off_in(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._transport.abort)


def _descriptor(transport: asyncio.BaseTransport) -> int:
    """The socket's descriptor where plain bytes may be written to it, else -1."""
    sock = transport.get_extra_info("socket")
    plain = sock is not None and transport.get_extra_info("sslcontext") is None
    return int(sock.fileno()) if plain else -1
