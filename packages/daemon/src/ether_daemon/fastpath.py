"""The short way for the messages that come in millions: version 2 READ, WRITE and PING.

Rule: plain values in, plain values out, and nothing that `framing` and
`handlers` would do otherwise.  Whatever is not a whole, valid message about a
small block is left where it stands, for them to deal with.
"""

from __future__ import annotations

import mmap
from collections.abc import MutableSequence

from ether_protocol.codec import HEADER_V2_WORDS, first_word
from ether_protocol.messages import Buffer
from ether_protocol.vocabulary import MAX_PAYLOAD_BYTES, Command

from .memory import LARGE_REF
from .slabs import SIZE_BITS, SIZE_MASK
from .table import PAGE_BITS, SLOT_MASK, Page

_HEADER_BYTES = HEADER_V2_WORDS.size
_READ = first_word(Command.READ)
_WRITE = first_word(Command.WRITE)
_PING = first_word(Command.PING)
_OK = first_word(Command.OK)
_PONG = first_word(Command.PONG)


def serve_small(
    pages: dict[int, Page],
    arena: mmap.mmap,
    requests: MutableSequence[int],
    data: Buffer,
    view: memoryview,
    start: int,
    end: int,
    replies: list[bytes],
    room: int,
) -> tuple[int, int]:
    """Answer the messages at `data[start:end]` until one is not for this path or `room` is used.

    `pages` are the handle table's and `arena` the slabs'; `requests` counts by
    command; `view` is a view of `data`; `room` is how many bytes of replies may
    still be made.  Returns where it stopped and the room that is left.
    """
    unpack = HEADER_V2_WORDS.unpack_from
    pack = HEADER_V2_WORDS.pack
    reply = replies.append
    last = end - _HEADER_BYTES
    reads = writes = pings = 0
    while start <= last and room > 0:
        word, handle, size, offset, request_id, length = unpack(data, start)
        if word == _PING:
            if length:
                break
            reply(pack(_PONG, 0, 0, 0, request_id, 0))
            pings += 1
            start += _HEADER_BYTES
            room -= _HEADER_BYTES
            continue
        try:
            ref = pages[handle >> PAGE_BITS][handle & SLOT_MASK]
        except KeyError:
            break
        block_size = ref & SIZE_MASK
        if not 0 < ref < LARGE_REF or offset > block_size:
            break
        place = (ref >> SIZE_BITS) + offset
        if word == _READ and not length and size <= MAX_PAYLOAD_BYTES:
            if size > block_size - offset:
                size = block_size - offset
            reply(pack(_OK, handle, size, 0, request_id, size))
            reply(arena[place : place + size])
            reads += 1
            start += _HEADER_BYTES
            room -= _HEADER_BYTES + size
        elif word == _WRITE and length <= block_size - offset:
            payload = start + _HEADER_BYTES
            stop = payload + length
            if stop > end:
                break
            arena[place : place + length] = view[payload:stop]
            reply(pack(_OK, handle, length, 0, request_id, 0))
            writes += 1
            start = stop
            room -= _HEADER_BYTES
        else:
            break
    requests[Command.READ] += reads
    requests[Command.WRITE] += writes
    requests[Command.PING] += pings
    return start, room
