"""Two principals' blocks over a store that answers later, in any order, and sometimes fails.

The model carries requests out in the order in which they came, block by block,
once their replies are there; a request at which the store failed changes nothing
in it.  What table, quota and ownership say is followed beside it, answer by answer.

Rule: everything random is drawn by Hypothesis, so that a failure shrinks.
"""

from __future__ import annotations

import logging
import sys
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from typing import Any, cast

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from block_model import BlockModel
from daemon.deferred_list import at_once
from daemon.late_store import LateStore, StoreFailed, StoreRequest
from ether_daemon.service.blocks import SessionBlocks
from ether_daemon.service.commands import Caller, Reply, Streamed, perform
from ether_daemon.service.principal import Principal
from ether_daemon.service.quota import BLOCK_OVERHEAD_BYTES, Limits, Quota
from ether_daemon.stores.contract import (
    Identity,
    Store,
    StoreContents,
    StreamedRead,
)
from ether_daemon.stores.future import Answer, Future
from ether_daemon.stores.memory.store import MAX_PIECE_BYTES
from ether_protocol import Command, Message, ServerError
from ether_protocol.wire import bodies
from ether_protocol.wire.bodies import decode_error, error_reply
from ether_protocol.wire.constants import AllocFlag, ErrorCode

KIB = 1024
LONG = MAX_PIECE_BYTES + 5_000
NAMES = ("one", "one", "other")
"""Whose the connections are."""

Key = tuple[str, int]
"""A principal and its handle."""

SIZES = st.one_of(st.integers(24, 40), st.sampled_from([1, 24, LONG]))
OFFSETS = st.one_of(st.integers(0, 16), st.sampled_from([0, 30, LONG - 20]))
COUNTS = st.one_of(st.integers(0, 24), st.sampled_from([8, MAX_PIECE_BYTES + 1]))
CONNECTIONS = st.integers(0, len(NAMES) - 1)
CHOICE = st.integers(0, 6)
WHICH = st.integers(0, 7)
SELDOM = st.sampled_from([False, False, False, True])


class NoFacts:
    """HELLO and STATS are asked of other tests."""

    def hello(self) -> bodies.Hello:
        raise NotImplementedError

    def stats(self, principal: Principal) -> dict[str, int]:
        raise NotImplementedError


@dataclass(eq=False)
class InFlight:
    """A request that the model has not carried out yet."""

    keys: tuple[Key, ...]
    expected: Callable[[BlockModel, Message], Message]
    request: Message | None
    """None for the FREE of a block whose connection has ended: nobody is told how it goes."""
    unborn: bool = False
    """One of its handles was not given out yet when it was asked."""
    reply: Reply | None = None
    outcome: str = ""
    """Of a FREE that has no reply."""
    stream: TakenStream | None = None

    @property
    def answered(self) -> bool:
        return bool(self.reply is not None or self.outcome)

    @property
    def is_write(self) -> bool:
        return self.request is not None and self.request.command == Command.WRITE

    @property
    def changes(self) -> bool:
        """Whether it may change what the handle means."""
        return self.request is None or self.request.command in (Command.FREE, Command.REALLOC)


@dataclass(eq=False)
class TakenStream:
    """A streamed read, taken as its client receives."""

    key: Key
    read: StreamedRead
    taken: bytearray = field(default_factory=bytearray)
    expected: bytes | None = None
    cancelled: bool = False

    def check(self) -> None:
        """What was taken is what the block held when it was read."""
        if self.expected is not None:
            assert self.taken == self.expected[: len(self.taken)]
            if not (len(self.read) or self.cancelled):
                assert self.taken == self.expected


class LogRecords(logging.Handler):
    """What is logged, kept."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


class BlocksModel(RuleBasedStateMachine):
    """Requests of three connections of two principals."""

    strict_store = True

    def __init__(self) -> None:
        super().__init__()
        self.log = LogRecords()
        self.logger = logging.getLogger("etherd")
        self.logger.addHandler(self.log)
        self.logger.propagate = False
        self.store = LateStore(outlives_process=True, strict=self.strict_store)
        self.store.before_answer = self.store_answers
        self.whole = Quota(Limits(900 * KIB, max_handles=9))
        contract: Store = self.store
        self.principals = {
            name: Principal(
                name, contract, Quota(Limits(600 * KIB, max_handles=6), self.whole), at_once
            )
            for name in ("one", "other")
        }
        self.callers = [Caller(self.principals[name], NoFacts()) for name in NAMES]
        # What follows the store's answers:
        self.tables: dict[str, dict[int, int]] = {name: {} for name in self.principals}
        self.owners: dict[Key, SessionBlocks] = {}
        # What follows the requests, in their order:
        self.models = {name: BlockModel() for name in self.principals}
        self.queues: defaultdict[Key, deque[InFlight]] = defaultdict(deque)
        self.streams: list[TakenStream] = []
        self.identities: dict[Key, Identity] = {}
        self.last = dict.fromkeys(self.principals, 0)
        self.failures: set[str] = set()
        self.unfreed = 0
        self.request_id = 0

    # Requests

    def ask(
        self,
        connection: int,
        command: Command,
        handles: tuple[int, ...],
        expected: Callable[[BlockModel, Message], Message],
        **fields: Any,
    ) -> InFlight:
        caller = self.callers[connection]
        name = caller.principal.name
        self.request_id += 1
        request = Message(command, request_id=self.request_id, **fields)
        keys = tuple(dict.fromkeys((name, handle) for handle in handles))
        unborn = any(handle not in self.tables[name] for handle in handles)
        flight = InFlight(keys, expected, request, unborn)
        for key in keys:
            self.queues[key].append(flight)
        answer = perform(caller, request)
        self.when_there(answer, partial(self.replied, name, flight))
        return flight

    @staticmethod
    def when_there(answer: Answer[Reply], call: Callable[[Reply], None]) -> None:
        if isinstance(answer, Message | Streamed):
            call(answer)
        else:
            answer.add_done_callback(lambda: call(answer.result()))

    def free_unasked(self, key: Key) -> None:
        """The service frees a block by itself."""
        name, handle = key
        if handle in self.tables[name]:
            self.queues[key].append(InFlight((key,), lambda model, _: model.free(handle), None))  # type: ignore[arg-type, return-value]

    def handle(self, connection: int, choice: int) -> int:
        """Mostly one of the last three blocks of a principal, else one gone or not made yet."""
        name = NAMES[connection]
        living = sorted(self.tables[name])[-3:]
        if choice < 5 and living:
            return living[choice % len(living)]
        return max(1, self.last[name] - choice % 2)

    @rule(connection=CONNECTIONS, size=SIZES, session=st.booleans())
    def alloc(self, connection: int, size: int, session: bool) -> None:
        name = NAMES[connection]
        handle = self.last[name] + 1
        asked = len(self.store.log)
        flight = self.ask(
            connection,
            Command.ALLOC,
            (),
            lambda _, request: request.reply(handle=handle, size=size),
            size=size,
            flags=AllocFlag.SESSION if session else 0,
        )
        if not flight.answered:
            assert len(self.store.log) == asked + 1
            identity = self.store.unanswered[-1].identity
            flags = AllocFlag.SESSION if session else 0
            assert identity[:3] == (name, handle, flags)
            self.last[name] = handle
            self.identities[name, handle] = identity
            if session:
                self.owners[name, handle] = self.callers[connection].session_blocks

    @rule(connection=CONNECTIONS, size=SIZES, count=st.integers(2, 5))
    def alloc_some(self, connection: int, size: int, count: int) -> None:
        """Pipelined: so they come to a limit together."""
        for _ in range(count):
            self.alloc(connection, size, False)

    @rule(connection=CONNECTIONS, choice=CHOICE)
    def free(self, connection: int, choice: int) -> None:
        handle = self.handle(connection, choice)
        self.ask(
            connection,
            Command.FREE,
            (handle,),
            lambda model, request: request.reply(handle=model.free(handle)),
            handle=handle,
        )

    @rule(connection=CONNECTIONS, choice=CHOICE, size=SIZES)
    def realloc(self, connection: int, choice: int, size: int) -> None:
        self.realloc_block(connection, self.handle(connection, choice), size)

    def realloc_block(self, connection: int, handle: int, size: int) -> None:
        self.ask(
            connection,
            Command.REALLOC,
            (handle,),
            lambda model, request: request.reply(handle=handle, size=model.realloc(handle, size)),
            handle=handle,
            size=size,
        )

    @rule(connection=CONNECTIONS, choice=CHOICE)
    def info(self, connection: int, choice: int) -> None:
        handle = self.handle(connection, choice)
        key = NAMES[connection], handle

        def expected(model: BlockModel, request: Message) -> Message:
            size, identity = len(model.block(handle)), self.identities[key]
            payload = bodies.INFO_REPLY.pack(size, identity.flags, identity.created_ms)
            return request.reply(handle=handle, payload=payload)

        self.ask(connection, Command.INFO, (handle,), expected, handle=handle)

    @rule(connection=CONNECTIONS, choice=CHOICE, limit=st.integers(0, 9))
    def list(self, connection: int, choice: int, limit: int) -> None:
        last = self.handle(connection, choice) - 1
        table = self.tables[NAMES[connection]]
        page = [item for item in sorted(table.items()) if item[0] > last][:limit]
        self.ask(
            connection,
            Command.LIST,
            (),
            lambda _, request: request.reply(size=len(table), payload=bodies.encode_list(page)),
            handle=last,
            size=limit,
        )

    @rule(connection=CONNECTIONS, choice=CHOICE, offset=OFFSETS, size=COUNTS)
    def read(self, connection: int, choice: int, offset: int, size: int) -> None:
        self.read_block(connection, self.handle(connection, choice), offset, size)

    def read_block(self, connection: int, handle: int, offset: int, size: int) -> None:
        def expected(model: BlockModel, request: Message) -> Message:
            data = model.read(handle, offset, size)
            return request.reply(handle=handle, size=len(data), payload=data)

        self.ask(
            connection, Command.READ, (handle,), expected, handle=handle, offset=offset, size=size
        )

    @rule(
        connection=CONNECTIONS,
        choice=CHOICE,
        offset=OFFSETS,
        data=st.binary(max_size=48),
        times=st.sampled_from([1, 1, 1, 7000]),
    )
    def write(self, connection: int, choice: int, offset: int, data: bytes, times: int) -> None:
        handle = self.handle(connection, choice)
        lent = bytearray(data * times)
        kept = bytes(lent)
        self.ask(
            connection,
            Command.WRITE,
            (handle,),
            lambda model, request: request.reply(
                handle=handle, size=model.write(handle, offset, kept)
            ),
            handle=handle,
            offset=offset,
            payload=lent,
        )
        lent[:] = bytes(len(lent))

    @rule(
        connection=CONNECTIONS,
        choice=CHOICE,
        offset=OFFSETS,
        size=COUNTS,
        byte=st.integers(0, 255),
    )
    def fill(self, connection: int, choice: int, offset: int, size: int, byte: int) -> None:
        handle = self.handle(connection, choice)
        self.ask(
            connection,
            Command.FILL,
            (handle,),
            lambda model, request: request.reply(
                handle=handle, size=model.fill(handle, offset, size, byte)
            ),
            handle=handle,
            offset=offset,
            size=size,
            payload=bytes([byte]),
        )

    @rule(
        connection=CONNECTIONS,
        choice=CHOICE,
        source_choice=CHOICE,
        source_offset=st.integers(0, 12),
        offset=st.one_of(st.integers(0, 12), st.just(LONG - 20)),
        size=st.one_of(st.integers(0, 12), st.just(MAX_PIECE_BYTES + 1)),
    )
    def copy(
        self,
        connection: int,
        choice: int,
        source_choice: int,
        source_offset: int,
        offset: int,
        size: int,
    ) -> None:
        handle = self.handle(connection, choice)
        source = self.handle(connection, source_choice)
        self.copy_between(connection, source, source_offset, handle, offset, size)

    @rule(
        connection=CONNECTIONS,
        choice=CHOICE,
        source_choice=CHOICE,
        new_size=st.integers(24, 40),
        size=st.integers(1, 12),
        of_source=st.booleans(),
    )
    def copy_behind_a_realloc(
        self,
        connection: int,
        choice: int,
        source_choice: int,
        new_size: int,
        size: int,
        of_source: bool,
    ) -> None:
        """Pipelined: chance alone seldom has them meet."""
        handle = self.handle(connection, choice)
        source = self.handle(connection, source_choice)
        self.realloc_block(connection, source if of_source else handle, new_size)
        self.copy_between(connection, source, 0, handle, 12, size)

    def copy_between(
        self,
        connection: int,
        source: int,
        source_offset: int,
        handle: int,
        offset: int,
        size: int,
    ) -> None:
        self.ask(
            connection,
            Command.COPY,
            (source, handle),
            lambda model, request: request.reply(
                handle=handle, size=model.copy(source, source_offset, handle, offset, size)
            ),
            handle=handle,
            offset=offset,
            size=size,
            payload=bodies.COPY_REQUEST.pack(source, source_offset),
        )

    @rule(
        connection=CONNECTIONS,
        choice=CHOICE,
        offset=OFFSETS,
        expected=st.sampled_from([bytes(8), b"\1" * 8]),
        desired=st.sampled_from([bytes(8), b"\1" * 8, b"\2" * 8]),
    )
    def compare_swap(
        self, connection: int, choice: int, offset: int, expected: bytes, desired: bytes
    ) -> None:
        handle = self.handle(connection, choice)
        self.ask(
            connection,
            Command.COMPARE_SWAP,
            (handle,),
            lambda model, request: request.reply(
                handle=handle, payload=model.compare_swap(handle, offset, expected, desired)
            ),
            handle=handle,
            offset=offset,
            payload=expected + desired,
        )

    @rule(
        connection=CONNECTIONS,
        choice=CHOICE,
        offset=OFFSETS,
        delta=st.integers(-(2**63), 2**63 - 1),
    )
    def fetch_add(self, connection: int, choice: int, offset: int, delta: int) -> None:
        handle = self.handle(connection, choice)
        self.ask(
            connection,
            Command.FETCH_ADD,
            (handle,),
            lambda model, request: request.reply(
                handle=handle,
                payload=bodies.FETCH_ADD_REPLY.pack(model.fetch_add(handle, offset, delta)),
            ),
            handle=handle,
            offset=offset,
            payload=bodies.FETCH_ADD_REQUEST.pack(delta),
        )

    # Connections

    @rule(connection=CONNECTIONS)
    def end_connection(self, connection: int) -> None:
        """A connection ends, and somebody else connects."""
        caller = self.callers[connection]
        principal = caller.principal
        for handle in sorted(self.owned(caller.session_blocks)):
            self.free_unasked((principal.name, handle))
        for _ in principal.blocks.end_session(caller.session_blocks):
            pass
        self.callers[connection] = Caller(principal, NoFacts())

    @rule(connection=CONNECTIONS, size=SIZES)
    def end_while_allocating(self, connection: int, size: int) -> None:
        """A connection ends behind a request for a SESSION block."""
        self.alloc(connection, size, True)
        self.end_connection(connection)

    def owned(self, session: SessionBlocks) -> set[int]:
        """The blocks that live and belong to a connection."""
        return {
            handle
            for (name, handle), owner in self.owners.items()
            if owner is session and handle in self.tables[name]
        }

    @initialize(
        held=st.lists(
            st.tuples(
                st.sampled_from(["one", "other"]),
                st.integers(1, 600),
                st.binary(min_size=24, max_size=40),
                SELDOM,
            ),
            min_size=2,
            max_size=4,
            unique_by=lambda block: block[:2],
        )
    )
    def adopt(self, held: Any) -> None:
        """Begin with what the store held when it was opened."""
        for name, handle, data, session in held:
            flags = AllocFlag.SESSION if session else 0
            self.store.hold(Identity(name, handle, flags, 1_700_000_000_000), data)
        opened = cast(Future[StoreContents], self.store.open())
        self.store.go()
        contents = opened.result()
        for name, last in contents.last_handles.items():
            self.principals[name].blocks.table.skip_to(last)
            self.last[name] = last
        for block in sorted(contents.blocks):
            name, handle = key = block.identity.principal, block.identity.handle
            self.identities[key] = block.identity
            self.tables[name][handle] = block.size
            self.models[name].add(handle, block.size)
            data = next(data for *named, data, _ in held if tuple(named) == key)
            self.models[name].write(handle, 0, data)
            if block.identity.flags & AllocFlag.SESSION:
                self.free_unasked(key)  # its connection ended with the process before
            self.principals[name].blocks.adopt(block)

    # The store

    @precondition(lambda self: any(r.may_be_carried_out for r in self.store.unanswered))
    @rule(which=WHICH, fails=SELDOM)
    def store_carries_out(self, which: int, fails: bool) -> None:
        waiting = [request for request in self.store.unanswered if request.may_be_carried_out]
        self.store.carry_out(waiting[which % len(waiting)], fails)

    @precondition(lambda self: any(r.may_be_answered for r in self.store.unanswered))
    @rule(which=WHICH)
    def store_answers_one(self, which: int) -> None:
        waiting = [request for request in self.store.unanswered if request.may_be_answered]
        self.store.answer(waiting[which % len(waiting)])

    @precondition(lambda self: self.store.unanswered)
    @rule(fails=SELDOM)
    def store_answers_what_it_can(self, fails: bool) -> None:
        for request in [*self.store.unanswered]:
            if request.may_be_carried_out:
                self.store.carry_out(request, fails)
            if request.may_be_answered:
                self.store.answer(request)

    @rule(which=WHICH)
    def deferred_work(self, which: int) -> None:
        self.store.deferred.step(which)

    def store_answers(self, request: StoreRequest) -> None:
        """Table, quota and ownership change now, and not before."""
        name, handle, *_ = request.identity
        key = name, handle
        if request.error is not None:
            self.failures.add(str(request.error))
        if name not in self.tables:
            return  # it opens, or carries out what is lost anyhow
        if request.verb == "release":
            self.released(key, request.error)
        elif request.error is None and request.verb == "allocate":
            self.tables[name][handle] = request.more_bytes
            self.models[name].add(handle, request.more_bytes)
            if key in self.owners and self.owners[key].ended:
                self.free_unasked(key)
        elif request.error is None and request.verb == "resize":
            self.tables[name][handle] = request.blocks[0].size
        assert not self.is_over(self.principals[name].quota, (name,), 0, 0)
        assert not self.is_over(self.whole, (*self.tables,), 0, 0)

    def released(self, key: Key, error: Exception | None) -> None:
        """One FREE was answered: the first that is not, which was carried out alone."""
        frees = [
            flight
            for flight in self.queues[key]
            if not flight.answered
            and (flight.request is None or flight.request.command == Command.FREE)
        ]
        if frees[0].request is None:
            frees[0].outcome = "freed" if error is None else "failed"
            if error is not None:
                self.unfreed += 1
                self.failures.discard(str(error))
        if error is None:
            del self.tables[key[0]][key[1]]
            for flight in frees[1:]:
                if flight.request is None:
                    flight.outcome = "gone"
        self.catch_up((key,))

    # Replies

    def replied(self, name: str, flight: InFlight, reply: Reply) -> None:
        flight.reply = reply
        if isinstance(reply, Streamed):
            flight.stream = TakenStream(flight.keys[0], reply.read)
            self.streams.append(flight.stream)
        elif self.is_refused_for_room(reply):
            self.check_there_was_no_room(name, flight, reply)
        if flight.keys:
            self.catch_up(flight.keys)
        else:
            self.check(self.models[name], flight)

    @staticmethod
    def is_refused_for_room(reply: Message) -> bool:
        if reply.command != Command.ERROR:
            return False
        error = decode_error(reply)
        return error.code in (ErrorCode.NO_MEMORY, ErrorCode.QUOTA) and not str(error).startswith(
            StoreFailed.TEXT
        )

    def check_there_was_no_room(self, name: str, flight: InFlight, reply: Message) -> None:
        """Recompute what the service had to hold against a limit just now."""
        request = flight.request
        assert request is not None
        blocks, more = 1, request.size
        if request.command == Command.REALLOC:
            blocks, more = 0, request.size - self.tables[name][request.handle]
        elif request.command == Command.WRITE:
            blocks, more = 0, len(request.payload)
        own = self.principals[name].quota
        over = [
            self.is_over(own, (name,), blocks, more),
            self.is_over(self.whole, (*self.tables,), blocks, more),
        ]
        code = decode_error(reply).code
        assert over[0] if code == ErrorCode.QUOTA else over == [False, True]

    def is_over(self, quota: Quota, names: tuple[str, ...], blocks: int, more: int) -> bool:
        held_blocks, held_bytes = self.held(names)
        count = sum(len(self.tables[name]) for name in names) + held_blocks + blocks
        used = sum(sum(self.tables[name].values()) for name in names) + held_bytes + more
        limits = quota.limits
        too_many = bool(blocks) and count > limits.max_handles
        return too_many or used + count * BLOCK_OVERHEAD_BYTES > limits.max_memory_bytes

    def held(self, names: tuple[str, ...]) -> tuple[int, int]:
        """Blocks and bytes that the store was asked for, and bytes of WRITEs that wait."""
        asked = [r for r in self.store.unanswered if r.identity.principal in names]
        waiting = [
            len(flight.request.payload)
            for (name, _), queue in self.queues.items()
            for flight in queue
            if name in names and flight.is_write and flight.request and self.waits(flight)
        ]
        return (
            sum(request.more_blocks for request in asked),
            sum(request.more_bytes for request in asked) + sum(waiting),
        )

    def waits(self, flight: InFlight) -> bool:
        """Whether it was not passed to the store, because of a FREE or a REALLOC before it."""
        known: dict[InFlight, bool] = {}

        def wait(flight: InFlight) -> bool:
            if flight not in known:
                known[flight] = not flight.answered and any(
                    not earlier.answered and (earlier.changes or wait(earlier))
                    for key in flight.keys
                    for earlier in takewhile(lambda other: other is not flight, self.queues[key])
                )
            return known[flight]

        return wait(flight)

    def catch_up(self, keys: tuple[Key, ...]) -> None:
        """Have the model do what is answered and whose turn it is."""
        work = deque(keys)
        while work:
            key = work.popleft()
            queue = self.queues[key]
            while queue and queue[0].answered:
                flight = queue[0]
                if any(self.queues[other][0] is not flight for other in flight.keys):
                    break
                for other in flight.keys:
                    self.queues[other].popleft()
                self.check(self.models[key[0]], flight)
                work.extend(flight.keys)

    def check(self, model: BlockModel, flight: InFlight) -> None:
        """The reply must be the model's."""
        if flight.request is None:
            if flight.outcome == "freed":
                model.free(flight.keys[0][1])
            return
        reply = flight.reply
        assert reply is not None
        message = reply.message if isinstance(reply, Streamed) else reply
        if message.command == Command.ERROR:
            error = decode_error(message)
            if str(error).startswith(StoreFailed.TEXT):
                self.failures.remove(str(error))
                return
            if self.is_refused_for_room(message):
                return
            if error.code == ErrorCode.NOT_FOUND and flight.unborn:
                return  # the block was made after this was asked
        try:
            expected = flight.expected(model, flight.request)
        except ServerError as refusal:
            expected = error_reply(flight.request, ErrorCode(refusal.code), str(refusal))
            assert (message.command, message.code) == (expected.command, expected.code)
            assert decode_error(message).code == decode_error(expected).code
            return
        if flight.stream is not None:
            flight.stream.expected = bytes(expected.payload)
            flight.stream.check()
            assert (message.handle, message.size) == (expected.handle, expected.size)
        else:
            assert message == expected

    @precondition(lambda self: self.streams)
    @rule(which=WHICH, limit=st.sampled_from([1, 1000, 200_000, LONG]))
    def take(self, which: int, limit: int) -> None:
        stream = self.streams[which % len(self.streams)]
        if len(stream.read):
            stream.taken += stream.read.take(limit)
            stream.check()

    @precondition(lambda self: self.streams)
    @rule(which=WHICH)
    def cancel(self, which: int) -> None:
        stream = self.streams[which % len(self.streams)]
        stream.cancelled |= bool(len(stream.read))
        stream.read.cancel()

    # What always holds

    @invariant()
    def everything_follows_the_answers(self) -> None:
        assert self.store.broken == []
        for name, principal in self.principals.items():
            table, expected = principal.blocks.table, self.tables[name]
            assert [*table.items()] == sorted(expected.items())
            assert len(table) == len(expected)
            under_way = self.under_way(name)
            attended = {handle for handle in expected if table.attended(handle)}
            assert attended == under_way & set(expected)
            assert principal.blocks.under_way == len(under_way)
            self.check_quota(principal.quota, (name,))
        self.check_quota(self.whole, (*self.principals,))
        for caller in self.callers:
            assert caller.session_blocks.handles == self.owned(caller.session_blocks)

    def under_way(self, name: str) -> set[int]:
        """The handles of a principal for which something is under way."""
        unanswered = {
            handle
            for (owner, handle), queue in self.queues.items()
            if owner == name and not all(flight.answered for flight in queue)
        }
        streamed = {s.key[1] for s in self.streams if s.key[0] == name and len(s.read)}
        return unanswered | streamed

    def check_quota(self, quota: Quota, names: tuple[str, ...]) -> None:
        assert quota.blocks == sum(len(self.tables[name]) for name in names)
        assert quota.used_bytes == sum(sum(self.tables[name].values()) for name in names)
        assert (quota.held_blocks, quota.held_bytes) == self.held(names)
        assert quota.allocated_bytes - quota.freed_bytes == quota.used_bytes
        assert quota.allocations - quota.frees == quota.blocks
        assert not self.is_over(quota, names, 0, 0)

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self.end()
        finally:
            self.logger.removeHandler(self.log)
            self.logger.propagate = True
            self.store.deferred.finish()
            self.store.memory.close()

    def end(self) -> None:
        """Everything is answered in the end, and nothing is left behind."""
        self.go_on()
        for stream in self.streams:
            stream.check()
        assert not any(self.queues.values())
        assert self.failures == set()
        for name, model in self.models.items():
            assert model.list() == sorted(self.tables[name].items())
            assert self.under_way(name) == set()
            for handle, size in model.list():
                self.read_block(NAMES.index(name), handle, 0, size)
            self.go_on()
        for connection in range(len(NAMES)):
            self.end_connection(connection)
        self.go_on()
        kept = {key for key, owner in self.owners.items() if key[1] in self.tables[key[0]]}
        assert len(kept) <= self.unfreed
        for principal in self.principals.values():
            for handle in [*self.tables[principal.name]]:
                self.free_unasked((principal.name, handle))
            for _ in principal.blocks.free_all():
                pass
        self.go_on()
        assert self.tables == {"one": {}, "other": {}}
        for quota in (self.whole, *(principal.quota for principal in self.principals.values())):
            assert (quota.blocks, quota.used_bytes) == (0, 0)
            assert (quota.held_blocks, quota.held_bytes) == (0, 0)
            assert quota.allocated_bytes == quota.freed_bytes
        assert self.store.blocks == {}
        assert self.log.lines == [line for line in self.log.lines if "could not be freed" in line]
        assert len(self.log.lines) == self.unfreed
        self.store.close()

    def go_on(self) -> None:
        while self.store.unanswered:
            self.store.go()
            self.everything_follows_the_answers()
        for stream in self.streams:
            if len(stream.read):
                stream.taken += stream.read.take(len(stream.read))
                stream.check()


class RepliesModel(BlocksModel):
    """The same, judged by replies, by bytes and by what is left in the end."""

    strict_store = False

    def everything_follows_the_answers(self) -> None:
        """What no client can see."""
