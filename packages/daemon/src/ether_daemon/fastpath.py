"""The short way for the messages that come in millions: version 2 READ, WRITE and PING.

Rule: plain values in, plain values out, and nothing that `framing` and
`handlers` would do otherwise.  Whatever is not a whole, valid message about a
short range is left where it stands, for them to deal with.
"""

from __future__ import annotations

import mmap
from collections.abc import MutableSequence

from ether_protocol.codec import HEADER_V2_WORDS, first_word
from ether_protocol.vocabulary import MAX_PAYLOAD_BYTES, Command

from .mappings import Mapping
from .memory import LARGE_REF
from .replies import MAX_BODY_BYTES, TURN_BYTES
from .slabs import SIZE_BITS, SIZE_MASK
from .store import Ref
from .table import PAGE_BITS, SLOT_MASK, Page

_HEADER_BYTES = HEADER_V2_WORDS.size
_READ = first_word(Command.READ)
_WRITE = first_word(Command.WRITE)
_PING = first_word(Command.PING)
_OK = first_word(Command.OK)
_PONG = first_word(Command.PONG)
_READS, _WRITES, _PINGS = int(Command.READ), int(Command.WRITE), int(Command.PING)
_NO_HANDLE = -1


def serve_small(
    pages: dict[int, Page],
    arena: memoryview,
    mappings: dict[Ref, Mapping],
    requests: MutableSequence[int],
    out: bytearray,
    out_view: memoryview,
    data: memoryview,
    start: int,
    end: int,
    filled: int,
    full: int = TURN_BYTES,
) -> tuple[int, int]:
    """Answer the messages at `data[start:end]` until one is not for this path or `out` is full.

    `pages` are the handle table's, `arena` the slabs' and `mappings` the large
    blocks'; `requests` counts by command.  Replies are put at `out[filled:]`,
    which `out_view` shows; no further message is taken once `full` bytes stand
    there, and so there must be room for one more reply behind that.  Returns
    where it stopped and how far `out` is filled.
    """
    unpack = HEADER_V2_WORDS.unpack_from
    put = HEADER_V2_WORDS.pack_into
    last = end - _HEADER_BYTES
    reads = writes = pings = 0
    # Messages about one block often come together: it is looked up once.
    known, place, block_size = _NO_HANDLE, 0, 0
    memory: memoryview | mmap.mmap = arena
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
                    memory, place, block_size = arena, ref >> SIZE_BITS, ref & SIZE_MASK
                else:
                    mapping = mappings[ref]
                    if not mapping.at_rest:
                        break
                    memory, place, block_size = mapping.memory, 0, mapping.size
            except KeyError:
                break
            known = handle
        rest = block_size - offset
        first = place + offset
        if word == _READ:
            if rest < 0 or length or size > MAX_PAYLOAD_BYTES:
                break
            if size > rest:
                size = rest
            if size > MAX_BODY_BYTES:
                break
            put(out, filled, _OK, handle, size, 0, request_id, size)
            filled += _HEADER_BYTES
            out_view[filled : filled + size] = memory[first : first + size]
            filled += size
            start += _HEADER_BYTES
            reads += 1
        elif word == _WRITE:
            payload = start + _HEADER_BYTES
            stop = payload + length
            if length > rest or stop > end:
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
