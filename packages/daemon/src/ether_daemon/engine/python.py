"""The fast path in Python: READ, WRITE and PING about plain bytes, in both versions.

Rule: the replies and the memory are what `framing` and `service.commands` would
make of the same bytes.  Whatever is not a whole, valid message about a short
range of an unattended block is left where it stands, for them to deal with.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable

from ether_daemon.service.handle_table import PAGE_BITS, SLOT_MASK, HandleTable
from ether_daemon.stores.memory.slabs import SIZE_BITS, SIZE_MASK
from ether_daemon.stores.memory.store import LARGE_REF, MemoryStore
from ether_protocol.wire.codec import (
    HEADER_V1_WORDS,
    HEADER_V2_FRONT,
    HEADER_V2_WORDS,
    command_word,
    header_v1_with_payload,
    header_v2_behind_front,
)
from ether_protocol.wire.constants import MAX_PAYLOAD_BYTES, VERSION_1, Command

from .freed_objects import MAX_READ_OBJECT_BYTES
from .reply_buffer import MAX_BODY_BYTES, ReplyBuffer

_HEADER_BYTES = HEADER_V2_WORDS.size
_READ = command_word(Command.READ)
_WRITE = command_word(Command.WRITE)
_PING = command_word(Command.PING)
_OK = command_word(Command.OK)
_PONG = command_word(Command.PONG)
_HEADER_V1_BYTES = HEADER_V1_WORDS.size
_READ_V1 = command_word(Command.READ, version=VERSION_1)
_WRITE_V1 = command_word(Command.WRITE, version=VERSION_1)
_PING_V1 = command_word(Command.PING, version=VERSION_1)
_OK_V1 = command_word(Command.OK, version=VERSION_1)
_PONG_V1 = command_word(Command.PONG, version=VERSION_1)
_READS, _WRITES, _PINGS = int(Command.READ), int(Command.WRITE), int(Command.PING)
_NONE = -1
_unpack = HEADER_V2_WORDS.unpack_from
_put = HEADER_V2_WORDS.pack_into
_pack_front = HEADER_V2_FRONT.pack
_unpack_v1 = HEADER_V1_WORDS.unpack_from
_put_v1 = HEADER_V1_WORDS.pack_into

_PACKED_BYTES = MAX_READ_OBJECT_BYTES
"""Up to here a payload is packed in one call with its header; a longer one is copied once less."""


class PythonFastPath:
    """The fast path of one principal, over the memory store and the shared reply buffer.

    `requests` counts by command.
    """

    __slots__ = (
        "_large",
        "_out_view",
        "_packs",
        "_packs_v1",
        "_places",
        "_requests",
    )

    def __init__(
        self, store: MemoryStore, table: HandleTable, requests: list[int], replies: ReplyBuffer
    ) -> None:
        # Together, since every call needs all of them.
        self._places = table.pages, store.arena, store.arena_view, replies.data
        self._large = store.large
        self._requests = requests
        self._out_view = replies.view
        # What puts front, request id, length and payload in one call, by the payload's
        # length; each is made when it is first needed.
        self._packs: list[Callable[..., None] | None] = [None] * (_PACKED_BYTES + 1)
        # The same for version 1: header and payload.
        self._packs_v1: list[Callable[..., None] | None] = [None] * (_PACKED_BYTES + 1)

    def serve(
        self, data: memoryview, start: int, end: int, filled: int, full: int
    ) -> tuple[int, int]:
        """Answer the messages at `data[start:end]` until one is not for this path (see `FastPath`).

        There must be room in the reply buffer for one more reply behind `full`.
        """
        pages, arena, arena_view, out = self._places
        last = end - _HEADER_BYTES
        reads = writes = pings = 0
        # Messages about one block often come together: it is looked up once, and
        # what the replies to READs of one size have in common is packed once.
        known, place, block_size = _NONE, 0, 0
        memory = arena
        view: memoryview | mmap.mmap = arena_view
        replied_size, front, put_body = _NONE, b"", _put
        while start <= last and filled < full:
            word, handle, size, offset, request_id, length = _unpack(data, start)
            if handle != known:
                if word == _PING and not length:
                    _put(out, filled, _PONG, 0, 0, 0, request_id, 0)
                    filled += _HEADER_BYTES
                    start += _HEADER_BYTES
                    pings += 1
                    continue
                try:
                    ref = pages[handle >> PAGE_BITS][handle & SLOT_MASK]
                    if ref < LARGE_REF:
                        if not ref:
                            break
                        memory, view = arena, arena_view
                        place, block_size = ref >> SIZE_BITS, ref & SIZE_MASK
                    else:
                        block = self._large[ref]  # an attended ref is not there
                        memory = view = block.memory
                        place, block_size = 0, block.size
                except KeyError:
                    break
                known, replied_size = handle, _NONE
            first = place + offset
            if word == _READ and not length:
                if offset + size > block_size:
                    if offset > block_size or size > MAX_PAYLOAD_BYTES:
                        break
                    size = block_size - offset
                if size <= _PACKED_BYTES:
                    if size != replied_size:
                        replied_size = size
                        put_body = self._packs[size] or self._pack(size)
                        front = _pack_front(_OK, handle, size, 0)
                    put_body(out, filled, front, request_id, size, memory[first : first + size])
                    filled += _HEADER_BYTES + size
                elif size <= MAX_BODY_BYTES:
                    _put(out, filled, _OK, handle, size, 0, request_id, size)
                    filled += _HEADER_BYTES
                    self._out_view[filled : filled + size] = view[first : first + size]
                    filled += size
                else:
                    break
                start += _HEADER_BYTES
                reads += 1
            elif word == _WRITE:
                payload = start + _HEADER_BYTES
                stop = payload + length
                if offset + length > block_size or stop > end:
                    break
                memory[first : first + length] = data[payload:stop]
                _put(out, filled, _OK, handle, length, 0, request_id, 0)
                filled += _HEADER_BYTES
                start = stop
                writes += 1
            else:
                break
        if reads:
            self._requests[_READS] += reads
        if writes:
            self._requests[_WRITES] += writes
        if pings:
            self._requests[_PINGS] += pings
        return start, filled

    def serve_v1(
        self, data: memoryview, start: int, end: int, filled: int, full: int
    ) -> tuple[int, int, int]:
        """The same for version 1 (see `FastPath`)."""
        pages, arena, arena_view, out = self._places
        last = end - _HEADER_V1_BYTES
        reads = writes = pings = filler = 0
        known, place, block_size = _NONE, 0, 0
        memory = arena
        view: memoryview | mmap.mmap = arena_view
        while start <= last and filled < full:
            word, handle, size, _ = _unpack_v1(data, start)
            if handle != known:
                if word == _PING_V1:
                    _put_v1(out, filled, _PONG_V1, 0, 0, 0)
                    filled += _HEADER_V1_BYTES
                    start += _HEADER_V1_BYTES
                    pings += 1
                    filler = 0
                    continue
                try:
                    ref = pages[handle >> PAGE_BITS][handle & SLOT_MASK]
                    if ref < LARGE_REF:
                        if not ref:
                            break
                        memory, view = arena, arena_view
                        place, block_size = ref >> SIZE_BITS, ref & SIZE_MASK
                    else:
                        block = self._large[ref]  # an attended ref is not there
                        memory = view = block.memory
                        place, block_size = 0, block.size
                except KeyError:
                    break
                known = handle
            body = filled + _HEADER_V1_BYTES
            if word == _READ_V1:
                given = size
                if size > block_size:
                    if size > MAX_PAYLOAD_BYTES:
                        break
                    given = block_size
                if given <= _PACKED_BYTES:
                    put = self._packs_v1[given] or self._pack_v1(given)
                    put(out, filled, _OK_V1, handle, given, 0, memory[place : place + given])
                elif given <= MAX_BODY_BYTES:
                    _put_v1(out, filled, _OK_V1, handle, given, 0)
                    self._out_view[body : body + given] = view[place : place + given]
                else:
                    break
                filled = body + given
                start += _HEADER_V1_BYTES
                reads += 1
                filler = size
            elif word == _WRITE_V1:
                payload = start + _HEADER_V1_BYTES
                stop = payload + size
                if size > block_size or stop > end:
                    break
                memory[place : place + size] = data[payload:stop]
                _put_v1(out, filled, _OK_V1, handle, 0, 0)
                filled = body
                start = stop
                writes += 1
                filler = 0
            else:
                break
        if reads:
            self._requests[_READS] += reads
        if writes:
            self._requests[_WRITES] += writes
        if pings:
            self._requests[_PINGS] += pings
        return start, filled, filler

    def _pack_v1(self, size: int) -> Callable[..., None]:
        pack = self._packs_v1[size] = header_v1_with_payload(size).pack_into
        return pack

    def _pack(self, size: int) -> Callable[..., None]:
        pack = self._packs[size] = header_v2_behind_front(size).pack_into
        return pack
