"""The short way for the messages that come in millions: version 2 READ, WRITE and PING.

Rule: plain values in, plain values out, and nothing that `framing` and
`handlers` would do otherwise.  Whatever is not a whole, valid message about a
short range is left where it stands, for them to deal with.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, MutableSequence

from ether_daemon.service.handle_table import PAGE_BITS, SLOT_MASK, Page
from ether_daemon.stores.contract import Ref
from ether_daemon.stores.memory.large_blocks import Mapping
from ether_daemon.stores.memory.slabs import SIZE_BITS, SIZE_MASK
from ether_daemon.stores.memory.store import LARGE_REF
from ether_protocol.wire.codec import (
    HEADER_V2_FRONT,
    HEADER_V2_WORDS,
    command_word,
    header_v2_behind_front,
)
from ether_protocol.wire.constants import MAX_PAYLOAD_BYTES, Command

from .reply_buffer import MAX_BODY_BYTES

FastPath = Callable[[memoryview, int, int, int, int], tuple[int, int]]
"""What `fast_path` returns: (data, start, end, filled, full) to (where it stopped, filled)."""

_HEADER_BYTES = HEADER_V2_WORDS.size
_READ = command_word(Command.READ)
_WRITE = command_word(Command.WRITE)
_PING = command_word(Command.PING)
_OK = command_word(Command.OK)
_PONG = command_word(Command.PONG)
_READS, _WRITES, _PINGS = int(Command.READ), int(Command.WRITE), int(Command.PING)
_NONE = -1

_PACKED_BYTES = 2048
"""Up to here a payload is packed in one call with its header; a longer one is copied once less."""

_packs: list[Callable[..., None] | None] = [None] * (_PACKED_BYTES + 1)
"""That call by the payload's length, each made when it is first needed."""


def fast_path(
    pages: dict[int, Page],
    arena: mmap.mmap,
    arena_view: memoryview,
    mappings: dict[Ref, Mapping],
    requests: MutableSequence[int],
    out: bytearray,
    out_view: memoryview,
) -> FastPath:
    """Return `serve_small` over the blocks and the memory for replies of one server.

    `pages` are the handle table's, `arena` the slabs' and `mappings` the large
    blocks'; `requests` counts by command; `out` takes the replies; the views
    show what their names say.
    """
    unpack = HEADER_V2_WORDS.unpack_from
    put = HEADER_V2_WORDS.pack_into
    pack_front = HEADER_V2_FRONT.pack

    def serve_small(
        data: memoryview, start: int, end: int, filled: int, full: int
    ) -> tuple[int, int]:
        """Answer the messages at `data[start:end]` until one is not for this path or `out` is full.

        Replies are put at `out[filled:]`.  No further message is taken once
        `full` bytes stand there, and so there must be room for one more reply
        behind that.  Returns where it stopped and how far `out` is filled.
        """
        last = end - _HEADER_BYTES
        reads = writes = pings = 0
        # Messages about one block often come together: it is looked up once, and
        # what the replies to READs of one size have in common is packed once.
        known, place, block_size = _NONE, 0, 0
        memory = arena
        view: memoryview | mmap.mmap = arena_view
        replied_size, front, put_body = _NONE, b"", put
        while start <= last and filled < full:
            word, handle, size, offset, request_id, length = unpack(data, start)
            if handle != known:
                if word == _PING and not length:
                    put(out, filled, _PONG, 0, 0, 0, request_id, 0)
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
                        mapping = mappings[ref]
                        if not mapping.at_rest:
                            break
                        memory = view = mapping.memory
                        place, block_size = 0, mapping.size
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
                        put_body = _packs[size] or _pack(size)
                        front = pack_front(_OK, handle, size, 0)
                    put_body(out, filled, front, request_id, size, memory[first : first + size])
                    filled += _HEADER_BYTES + size
                elif size <= MAX_BODY_BYTES:
                    put(out, filled, _OK, handle, size, 0, request_id, size)
                    filled += _HEADER_BYTES
                    out_view[filled : filled + size] = view[first : first + size]
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
                put(out, filled, _OK, handle, length, 0, request_id, 0)
                filled += _HEADER_BYTES
                start = stop
                writes += 1
            else:
                break
        if reads:
            requests[_READS] += reads
        if writes:
            requests[_WRITES] += writes
        if pings:
            requests[_PINGS] += pings
        return start, filled

    return serve_small


def _pack(size: int) -> Callable[..., None]:
    pack = _packs[size] = header_v2_behind_front(size).pack_into
    return pack
