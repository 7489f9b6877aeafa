"""The blocks of `faulty_server`, implemented plainly, with faults that tests switch on by name.

Rule: without a fault it keeps every promise of docs/protocol.md; each fault
is one line that breaks one.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from ether_protocol import AllocFlag, Command, Hello, Message
from ether_protocol.wire import bodies
from ether_protocol.wire.constants import (
    MAX_LIST_ENTRIES,
    MAX_PAYLOAD_BYTES,
    OPTIONAL_FEATURES,
    SESSION_BLOCKS,
    VERSION_1,
)
from ether_protocol.wire.errors import (
    InvalidRequest,
    NoMemory,
    NotFound,
    OutOfRange,
    QuotaExceeded,
    TooLarge,
    Unauthenticated,
    Unsupported,
)

MAX_MEMORY_BYTES = 1 << 30
WORD_BYTES = 8


@dataclass
class FaultyBlock:
    """A block's bytes; `tail` is what a fault keeps of the bytes that REALLOC cut away."""

    data: bytearray
    flags: int
    created_ms: int
    tail: bytes = b""


@dataclass
class ConnectionState:
    """What belongs to one connection."""

    session_blocks: list[int] = field(default_factory=list)
    freed_bytes: bytes = b""
    let_in: bool = False
    """Whether it has given the token, where one is wanted."""


class FaultyMemory:
    """All blocks of one server."""

    def __init__(self, faults: frozenset[str], token: bytes | None = None) -> None:
        self.faults = faults
        self.token = token
        """What lets a connection in; None where everybody is."""
        self.lock = threading.RLock()
        self.one_connection = threading.Lock()
        self.blocks: dict[int, FaultyBlock] = {}
        self._last = 0
        self._handlers = {
            Command.PING: self._ping,
            Command.HELLO: self._hello,
            Command.STATS: self._stats,
            Command.ALLOC: self._alloc,
            Command.FREE: self._free,
            Command.REALLOC: self._realloc,
            Command.INFO: self._info,
            Command.LIST: self._list,
            Command.WRITE: self._write,
            Command.READ: self._read,
            Command.FILL: self._fill,
            Command.COPY: self._copy,
            Command.COMPARE_SWAP: self._compare_swap,
            Command.FETCH_ADD: self._fetch_add,
        }

    def perform(self, request: Message, by: ConnectionState) -> Message:
        """Carry `request` out; refusals are raised."""
        if "accepts any token" in self.faults and request.command == Command.AUTH:
            return request.reply()
        if self.token is not None:
            if request.command == Command.AUTH:
                return self._auth(request, by)
            self._check_let_in(request, by)
        handler = self._handlers.get(Command(request.command))
        if handler is None or ("has no optional features" in self.faults and _is_extra(request)):
            raise Unsupported("not served here")
        if "adds in two steps" in self.faults and request.command == Command.FETCH_ADD:
            return handler(request, by)
        with self.lock:
            return self._misreported(handler(request, by))

    def _misreported(self, reply: Message) -> Message:
        if "misreports sizes" in self.faults:
            reply.size += 1
        if "misreports handles" in self.faults:
            reply.handle += 1
        if "cuts PONG" in self.faults and reply.command == Command.PONG:
            reply.payload = bytes(reply.payload)[:-1]
        return reply

    def end(self, by: ConnectionState) -> None:
        """A connection has ended."""
        if "forgets SESSION" in self.faults:
            return
        with self.lock:
            for handle in by.session_blocks:
                self.blocks.pop(handle, None)

    def _ping(self, request: Message, _: ConnectionState) -> Message:
        return request.reply(Command.PONG, payload=request.payload)

    def _check_let_in(self, request: Message, by: ConnectionState) -> None:
        open_to_all = {Command.PING, Command.HELLO}
        if "serves version 1 to strangers" in self.faults and request.version == VERSION_1:
            return
        if "wants AUTH before PING" in self.faults:
            open_to_all = {Command.HELLO}
        if not by.let_in and request.command not in open_to_all:
            raise Unauthenticated("AUTH is needed first")

    def _auth(self, request: Message, by: ConnectionState) -> Message:
        assert self.token is not None
        given = bytes(request.payload)
        if by.let_in and "takes AUTH again" not in self.faults:
            raise InvalidRequest("AUTH was accepted already")
        right = given == self.token
        if "compares what was given" in self.faults:
            right = self.token.startswith(given)
        if "lets in with any token" in self.faults:
            right = True
        if not right:
            raise Unauthenticated("nobody has this token")
        by.let_in = True
        return request.reply()

    def _hello(self, request: Message, by: ConnectionState) -> Message:
        name = bodies.decode_client_name(request.payload)
        if "refuses names that are not ASCII" in self.faults and not name.isascii():
            raise InvalidRequest("speak English")
        features = (SESSION_BLOCKS, *OPTIONAL_FEATURES.values())
        if "has no optional features" in self.faults:
            features = ()
        most = 0 if "says 0 payload bytes" in self.faults else MAX_PAYLOAD_BYTES
        instance = time.monotonic_ns() if "changes its instance" in self.faults else 1
        wanted = self.token is not None and not by.let_in
        hello = Hello("faulty", "0", most, MAX_MEMORY_BYTES, 0, wanted, features, instance)
        return request.reply(payload=bodies.encode_hello(hello))

    def _stats(self, request: Message, _: ConnectionState) -> Message:
        payload = bodies.encode_stats({"blocks": len(self.blocks)})
        return request.reply(payload=payload[:-1] if "cuts STATS" in self.faults else payload)

    def _alloc(self, request: Message, by: ConnectionState) -> Message:
        self._check_size(request.size)
        if "reuses handles" in self.faults:
            handle = next(h for h in range(1, len(self.blocks) + 2) if h not in self.blocks)
        else:
            self._last += 1
            handle = self._last
        data = bytearray(request.size)
        if "does not zero" in self.faults and len(by.freed_bytes) == request.size:
            data[:] = by.freed_bytes
        if "allocates other bytes than 0" in self.faults:
            data[:] = b"?" * len(data)
        self.blocks[handle] = FaultyBlock(data, request.flags, time.time_ns() // 1_000_000)
        if request.flags & AllocFlag.SESSION or "frees with the connection" in self.faults:
            by.session_blocks.append(handle)
        return request.reply(handle=handle, size=request.size)

    def _free(self, request: Message, by: ConnectionState) -> Message:
        if "refuses FREE" in self.faults:
            raise Unsupported("not served here")
        by.freed_bytes = bytes(self._block(request.handle).data)
        if "keeps what is freed" not in self.faults:
            self.blocks.pop(request.handle, None)
        return request.reply(handle=request.handle)

    def _realloc(self, request: Message, _: ConnectionState) -> Message:
        block = self._block(request.handle)
        self._check_size(request.size)
        if "changes the time of creation" in self.faults:
            block.created_ms += 1
        grown = request.size - len(block.data)
        if grown <= 0:
            block.tail = bytes(block.data[request.size :])
            del block.data[request.size :]
        else:
            shown = block.tail[:grown] if "keeps the cut tail" in self.faults else b""
            block.data += shown.ljust(
                grown, b"?" if "grows with other bytes than 0" in self.faults else b"\0"
            )
        return request.reply(handle=request.handle, size=request.size)

    def _info(self, request: Message, _: ConnectionState) -> Message:
        block = self._block(request.handle)
        flags = 0 if "forgets flags" in self.faults else block.flags
        payload = bodies.INFO_REPLY.pack(len(block.data), flags, block.created_ms)
        return request.reply(handle=request.handle, payload=payload)

    def _list(self, request: Message, _: ConnectionState) -> Message:
        handles = sorted(handle for handle in self.blocks if handle > request.handle)
        if "lists backwards" in self.faults:
            handles.reverse()
        limit = 1 << 40 if "lists without end" in self.faults else MAX_LIST_ENTRIES
        page = [(h, len(self.blocks[h].data)) for h in handles[: min(request.size, limit)]]
        return request.reply(size=len(self.blocks), payload=bodies.encode_list(page))

    def _write(self, request: Message, _: ConnectionState) -> Message:
        size = len(request.payload)
        block = self._block(request.handle)
        if "writes what fits" in self.faults and request.offset + size > len(block.data):
            part = bytes(request.payload)[: max(0, len(block.data) - request.offset)]
            block.data[request.offset : request.offset + len(part)] = part
            raise OutOfRange("too long, in part")
        self._check(block, request.offset, size)
        block.data[request.offset : request.offset + size] = request.payload
        return request.reply(handle=request.handle, size=size)

    def _read(self, request: Message, _: ConnectionState) -> Message:
        self._check_span(request)
        block = self._block(request.handle)
        size = len(block.data)
        if request.offset > size and "reads past the end" not in self.faults:
            raise OutOfRange("past the end")
        if "refuses to cut" in self.faults:
            self._check(block, request.offset, request.size)
        payload = bytes(block.data[request.offset : request.offset + request.size])
        if "pads what it reads" in self.faults:
            payload = payload.ljust(min(request.size, 4096), b"\0")
        return request.reply(handle=request.handle, size=len(payload), payload=payload)

    def _fill(self, request: Message, _: ConnectionState) -> Message:
        self._check_span(request)
        (byte,) = bodies.unpack(bodies.FILL_REQUEST, request.payload)
        block = self._block(request.handle)
        self._check(block, request.offset, request.size)
        block.data[request.offset : request.offset + request.size] = bytes([byte]) * request.size
        return request.reply(handle=request.handle, size=request.size)

    def _copy(self, request: Message, _: ConnectionState) -> Message:
        self._check_span(request)
        source_handle, start = bodies.unpack(bodies.COPY_REQUEST, request.payload)
        source, target = self._block(source_handle), self._block(request.handle)
        self._check(source, start, request.size)
        self._check(target, request.offset, request.size)
        if "copies byte by byte" in self.faults:
            for at in range(request.size):
                target.data[request.offset + at] = source.data[start + at]
        else:
            moved = source.data[start : start + request.size]
            target.data[request.offset : request.offset + request.size] = moved
        return request.reply(handle=request.handle, size=request.size)

    def _compare_swap(self, request: Message, _: ConnectionState) -> Message:
        expected, desired = bodies.unpack(bodies.COMPARE_SWAP_REQUEST, request.payload)
        block, found = self._word(request)
        if found == expected or "swaps always" in self.faults:
            block.data[request.offset : request.offset + WORD_BYTES] = desired
        return request.reply(handle=request.handle, payload=found)

    def _fetch_add(self, request: Message, _: ConnectionState) -> Message:
        (delta,) = bodies.unpack(bodies.FETCH_ADD_REQUEST, request.payload)
        block, found = self._word(request)
        if "adds in two steps" in self.faults:
            time.sleep(0.0005)  # long enough for another to come between
        total = int.from_bytes(found, "big") + delta
        total = (
            min(max(total, 0), 2**64 - 1)
            if "adds without wrapping" in self.faults
            else total % 2**64
        )
        end = request.offset + WORD_BYTES
        block.data[request.offset : end] = total.to_bytes(WORD_BYTES, "big")
        return request.reply(handle=request.handle, payload=found)

    def _check_size(self, size: int) -> None:
        if not size and "allocates 0 bytes" not in self.faults:
            raise InvalidRequest("a block has at least one byte")
        if size > MAX_MEMORY_BYTES:
            raise (QuotaExceeded if "says QUOTA" in self.faults else NoMemory)("no room")

    def _check_span(self, request: Message) -> None:
        most = 1 << 20 if "has a limit of 1 MiB" in self.faults else MAX_PAYLOAD_BYTES
        if request.size > most and "has no limit per request" not in self.faults:
            raise TooLarge("too much at once")

    def _word(self, request: Message) -> tuple[FaultyBlock, bytes]:
        block = self._block(request.handle)
        self._check(block, request.offset, WORD_BYTES)
        return block, bytes(block.data[request.offset : request.offset + WORD_BYTES])

    def _block(self, handle: int) -> FaultyBlock:
        if "accepts any handle" in self.faults and handle not in self.blocks:
            return FaultyBlock(bytearray(64), 0, 0)
        if handle not in self.blocks:
            raise NotFound(f"no block has handle {handle}")
        return self.blocks[handle]

    def _check(self, block: FaultyBlock, offset: int, size: int) -> None:
        end = offset + size
        if "refuses the last byte" in self.faults and end == len(block.data):
            raise OutOfRange("one must remain")
        if "adds in 64 bits" in self.faults:
            end %= 2**64
        if end > len(block.data) and "grows blocks" in self.faults and size < len(block.data) * 2:
            return
        if end > len(block.data):
            raise OutOfRange("not inside the block")


def _is_extra(request: Message) -> bool:
    return request.command in OPTIONAL_FEATURES or (
        request.command == Command.ALLOC and bool(request.flags)
    )
