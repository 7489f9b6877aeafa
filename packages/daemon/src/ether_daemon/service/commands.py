"""What each command does: a table from command to function, request in, reply out.

Rule: a handler touches no socket and waits for nothing.  What it refuses it
raises as a ServerError; `perform` turns that into the ERROR reply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from ether_daemon.stores.contract import StreamedRead, TakeablePayload
from ether_daemon.stores.future import Answer, Future, after
from ether_protocol.wire import bodies
from ether_protocol.wire.bodies import BlockInfo, Hello, error_reply
from ether_protocol.wire.constants import (
    MAX_LIST_ENTRIES,
    MAX_PAYLOAD_BYTES,
    REPEATABLE,
    AllocFlag,
    Command,
    ErrorCode,
    command_name,
)
from ether_protocol.wire.errors import (
    Forbidden,
    InvalidRequest,
    NoMemory,
    RemoteProtocolError,
    ServerError,
    TooLarge,
    Unauthenticated,
    Unsupported,
)
from ether_protocol.wire.messages import Buffer, Message

from .blocks import Blocks, SessionBlocks
from .principal import Principal


class ServerFacts(Protocol):
    """What the server says of itself."""

    def hello(self) -> Hello:
        """Name, version and limits."""

    def stats(self, principal: Principal) -> dict[str, int]:
        """Counters by name, as `principal` may see them."""


@dataclass(slots=True)
class Caller:
    """Who asks: a principal, and what belongs to this one connection."""

    principal: Principal
    facts: ServerFacts
    handlers: Mapping[int, Handler] = field(default_factory=lambda: HANDLERS)
    """What it may ask."""
    blocks: Blocks = field(init=False)
    """The principal's."""
    session_blocks: SessionBlocks = field(default_factory=SessionBlocks)
    payload: TakeablePayload | None = None
    """The memory that the payload of the request being carried out has to itself, if it has."""

    def __post_init__(self) -> None:
        self.blocks = self.principal.blocks


@dataclass(slots=True)
class Stranger:
    """Who asks before anybody knows who that is."""

    facts: ServerFacts
    handlers: Mapping[int, Handler] = field(default_factory=lambda: BEFORE_AUTH)


class Streamed(NamedTuple):
    """An OK reply whose payload is taken piece by piece."""

    message: Message
    read: StreamedRead


_NO_ROOM = "the machine has no room for this"

Reply = Message | Streamed
Handler = Callable[[Any, Message], Answer[Reply]]
"""Of a Caller's request, or of a Stranger's."""


def perform(caller: Caller | Stranger, request: Message) -> Answer[Reply]:
    """Carry `request` out; refusals come back as ERROR replies, now or later."""
    try:
        handler = caller.handlers.get(request.command, _unsupported)
        answer = handler(caller, request)
    except (ServerError, RemoteProtocolError) as error:
        return refusal(request, error)
    except MemoryError:
        return refusal(request, NoMemory(_NO_ROOM))
    if isinstance(answer, Future):
        return _or_refusal(request, answer)
    return answer


def refusal(request: Message, error: ServerError | RemoteProtocolError) -> Message:
    """The ERROR reply for `error`; a body that does not parse is INVALID."""
    code = ErrorCode(error.code) if isinstance(error, ServerError) else ErrorCode.INVALID
    return error_reply(request, code, str(error))


def _or_refusal(request: Message, answer: Future[Reply]) -> Future[Reply]:
    def reply() -> Reply:
        try:
            return answer.result()
        except (ServerError, RemoteProtocolError) as error:
            return refusal(request, error)
        except MemoryError:
            return refusal(request, NoMemory(_NO_ROOM))

    return answer.afterwards(reply)


def _ping(_: Caller | Stranger, request: Message) -> Reply:
    return request.reply(Command.PONG, payload=request.payload)


def _hello(caller: Caller, request: Message) -> Reply:
    bodies.decode_client_name(request.payload)  # refused where it is none
    return request.reply(payload=bodies.encode_hello(caller.facts.hello()))


def _hello_before_auth(stranger: Stranger, request: Message) -> Reply:
    bodies.decode_client_name(request.payload)
    hello = replace(stranger.facts.hello(), auth_needed=True)
    return request.reply(payload=bodies.encode_hello(hello))


def _stats(caller: Caller, request: Message) -> Reply:
    return request.reply(payload=bodies.encode_stats(caller.facts.stats(caller.principal)))


def _alloc(caller: Caller, request: Message) -> Answer[Reply]:
    asker = caller.session_blocks
    owner = asker if request.flags & AllocFlag.SESSION else None
    handle = caller.blocks.alloc(request.size, owner, asker)
    return after(handle, lambda handle: request.reply(handle=handle, size=request.size))


def _free(caller: Caller, request: Message) -> Answer[Reply]:
    freed = caller.blocks.free(request.handle)
    return after(freed, lambda handle: request.reply(handle=handle))


def _realloc(caller: Caller, request: Message) -> Answer[Reply]:
    resized = caller.blocks.realloc(request.handle, request.size)
    return after(resized, lambda size: request.reply(handle=request.handle, size=size))


def _info(caller: Caller, request: Message) -> Answer[Reply]:
    info = caller.blocks.info(request.handle)
    if isinstance(info, Future):
        return info.then(lambda info: _info_reply(request, info))
    return _info_reply(request, info)


def _info_reply(request: Message, info: BlockInfo) -> Reply:
    payload = bodies.INFO_REPLY.pack(info.size, info.flags, info.created_ms)
    return request.reply(handle=request.handle, payload=payload)


def _list(caller: Caller, request: Message) -> Reply:
    page = caller.blocks.list(request.handle, min(request.size, MAX_LIST_ENTRIES))
    return request.reply(size=len(caller.blocks.table), payload=bodies.encode_list(page))


def _write(caller: Caller, request: Message) -> Answer[Reply]:
    size = len(request.payload)
    written = caller.blocks.write(request.handle, request.offset, request.payload, caller.payload)
    return after(written, lambda _: request.reply(handle=request.handle, size=size))


def _read(caller: Caller, request: Message) -> Answer[Reply]:
    _check_span(request)
    data = caller.blocks.read(request.handle, request.offset, request.size)
    if isinstance(data, Future):
        return data.then(lambda data: _read_reply(request, data))
    return _read_reply(request, data)


def _read_reply(request: Message, data: Buffer | StreamedRead) -> Reply:
    reply = request.reply(handle=request.handle, size=len(data))
    if isinstance(data, (bytes, bytearray, memoryview)):
        reply.payload = data
        return reply
    return Streamed(reply, data)


def _fill(caller: Caller, request: Message) -> Answer[Reply]:
    _check_span(request)
    (byte,) = bodies.unpack(bodies.FILL_REQUEST, request.payload)
    filled = caller.blocks.fill(request.handle, request.offset, request.size, byte)
    return after(filled, lambda _: request.reply(handle=request.handle, size=request.size))


def _copy(caller: Caller, request: Message) -> Answer[Reply]:
    _check_span(request)
    source, source_offset = bodies.unpack(bodies.COPY_REQUEST, request.payload)
    copied = caller.blocks.copy(source, source_offset, request.handle, request.offset, request.size)
    return after(copied, lambda _: request.reply(handle=request.handle, size=request.size))


def _compare_swap(caller: Caller, request: Message) -> Answer[Reply]:
    expected, desired = bodies.unpack(bodies.COMPARE_SWAP_REQUEST, request.payload)
    found = caller.blocks.compare_swap(request.handle, request.offset, expected, desired)
    return after(found, lambda found: request.reply(handle=request.handle, payload=found))


def _fetch_add(caller: Caller, request: Message) -> Answer[Reply]:
    (delta,) = bodies.unpack(bodies.FETCH_ADD_REQUEST, request.payload)
    found = caller.blocks.fetch_add(request.handle, request.offset, delta)
    return after(
        found,
        lambda found: request.reply(
            handle=request.handle, payload=bodies.FETCH_ADD_REPLY.pack(found)
        ),
    )


def _auth(_caller: Caller, _request: Message) -> Reply:
    raise Unsupported("no authentication is configured here, and none is needed")


def _auth_again(caller: Caller, _request: Message) -> Reply:
    raise InvalidRequest(f"this connection acts for {caller.principal.name} already")


def _auth_in_vain(_stranger: Stranger, _request: Message) -> Reply:
    raise Unsupported("no token is configured here: certificates and users are what is known")


def _unauthenticated(_stranger: Stranger, request: Message) -> Reply:
    raise Unauthenticated(f"{command_name(request.command)} needs AUTH first")


def _forbidden(_caller: Caller, request: Message) -> Reply:
    raise Forbidden(f"{command_name(request.command)} changes something; this token may only read")


def _unsupported(_: Caller | Stranger, request: Message) -> Reply:
    raise Unsupported(f"command {command_name(request.command)} is no request")


def _check_span(request: Message) -> None:
    if request.size > MAX_PAYLOAD_BYTES:
        raise TooLarge(f"{request.size} bytes are more than {MAX_PAYLOAD_BYTES}")


HANDLERS: Mapping[int, Handler] = MappingProxyType(
    {
        Command.PING: _ping,
        Command.HELLO: _hello,
        Command.AUTH: _auth,
        Command.STATS: _stats,
        Command.ALLOC: _alloc,
        Command.FREE: _free,
        Command.REALLOC: _realloc,
        Command.INFO: _info,
        Command.LIST: _list,
        Command.WRITE: _write,
        Command.READ: _read,
        Command.FILL: _fill,
        Command.COPY: _copy,
        Command.COMPARE_SWAP: _compare_swap,
        Command.FETCH_ADD: _fetch_add,
    }
)
"""One function for every request there is; a test holds this complete."""

AFTER_AUTH: Mapping[int, Handler] = MappingProxyType({**HANDLERS, Command.AUTH: _auth_again})
"""The same where clients say who they are."""

READ_ONLY: Mapping[int, Handler] = MappingProxyType(
    {
        command: handler if command in REPEATABLE or command == Command.AUTH else _forbidden
        for command, handler in AFTER_AUTH.items()
    }
)
"""The same for somebody who may change nothing."""

BEFORE_AUTH: Mapping[int, Handler] = MappingProxyType(
    {
        **dict.fromkeys(HANDLERS, _unauthenticated),
        Command.PING: _ping,
        Command.HELLO: _hello_before_auth,
        Command.AUTH: _auth_in_vain,
    }
)
"""What is answered before that; a token that may be right is the business of `net`."""
