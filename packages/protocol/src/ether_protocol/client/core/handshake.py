"""The handshake: is this an Ether server, is it the one from before, and does it want a token?

Rule: judgements only; a client sends HELLO and AUTH as it sends every request.
What a server says about a token is not repeated: it could be the token.
"""

from __future__ import annotations

import os
from typing import Protocol

from ether_protocol.wire.address import Address, ServerAddress, TlsAddress
from ether_protocol.wire.bodies import Hello
from ether_protocol.wire.constants import Command, ErrorCode
from ether_protocol.wire.errors import (
    ConnectionLost,
    EtherError,
    InvalidRequest,
    OutcomeUnknown,
    RemoteProtocolError,
    ServerError,
    ServerRestarted,
    TimedOut,
    Unauthenticated,
    Unsupported,
    server_error,
)
from ether_protocol.wire.messages import Message

from . import operations
from .operations import Operation
from .options import ConnectOptions
from .tracing import Trace

LONGEST_SILENCE_SECONDS = 5.0
"""How long HELLO may take, if the operation timeout is not shorter."""


class NewConnection(Protocol):
    """A connection of either client, as far as the handshake needs it."""

    @property
    def address(self) -> ServerAddress:
        """Where the server is."""

    @property
    def in_step(self) -> bool:
        """Whether the server has understood where each request ends."""

    def limit_silence(self, seconds: float | None) -> None:
        """Let the server be silent for at most `seconds` while a request is in flight."""

    def trace(self, hook: Trace | None) -> None:
        """Show every message to `hook` from now on, None for nobody."""


def handshake(connection: NewConnection, options: ConnectOptions) -> Operation[Hello | None]:
    """What the server says about itself; None for an older one that cannot say.

    An error says what it means for a client that has just connected.
    """
    address = connection.address
    connection.limit_silence(_silence_limit(options.timeout))
    hello = None
    try:
        hello = yield from operations.hello(options.name)
    except ConnectionLost as error:
        reason = str(error).partition(f"{address}: ")[2] or "it closed the connection"
        raise ConnectionLost(
            f"{address} accepted the connection but does not answer: is it an etherd?"
            f" ({reason}{'' if isinstance(error, TimedOut) else _hint(address, options)})"
        ) from None
    except RemoteProtocolError as error:
        raise RemoteProtocolError(
            f"{address} does not answer as an etherd does: is it one? ({error})"
        ) from None
    except ServerError as error:
        _check_refusal(connection, error)
    if hello is not None and hello.auth_needed:
        yield from _authenticate(address, options)
    connection.limit_silence(options.timeout)
    return hello


def _authenticate(address: ServerAddress, options: ConnectOptions) -> Operation[None]:
    token = options.current_token()
    if token is None:
        raise Unauthenticated(f"{address} needs a token: give it with token= or token_file=")
    source = "" if options.token_file is None else f" in {os.fspath(options.token_file)}"
    failed: EtherError
    try:
        yield from operations.call(Message(Command.AUTH, payload=token))
        return
    except Unauthenticated:
        failed = Unauthenticated(f"{address} does not accept the token{source}")
    except ServerError as error:
        # The server's own text may repeat the token.
        refused = _NOT_NOW if error.code == ErrorCode.BUSY else "does not accept the token"
        failed = server_error(error.code, f"{address} {refused}{source}: {error.name}")
    except OutcomeUnknown:  # as it is for every request that is not among those to be repeated
        failed = ConnectionLost(f"{address} closed the connection instead of answering AUTH")
    raise failed


_NOT_NOW = "serves no more clients just now with the token"


def _hint(address: ServerAddress, options: ConnectOptions) -> str:
    """What a server may have wanted that has closed a new connection without a word."""
    if isinstance(address, TlsAddress):
        return "" if options.tls_cert else "; if it wants a certificate of yours, give tls_cert"
    return f"; if it wants TLS, write ethers://{address}" if isinstance(address, Address) else ""


def _check_refusal(connection: NewConnection, error: ServerError) -> None:
    """Raise what a refused HELLO means, unless an older server only does not know HELLO."""
    if not connection.in_step:
        raise RemoteProtocolError(
            f"{connection.address} speaks version 1 of the protocol only,"
            f" this client version 2 ({error})"
        ) from None
    if not isinstance(error, Unsupported | InvalidRequest):
        raise error


def check_same_server(address: ServerAddress, before: Hello | None, now: Hello | None) -> None:
    """Raise ServerRestarted if the server holds another set of blocks than `before`."""
    if before is not None and (now is None or now.instance != before.instance):
        raise ServerRestarted(
            f"{address} was restarted: its old blocks are gone, their handles are invalid"
        )


def _silence_limit(timeout: float | None) -> float:
    return LONGEST_SILENCE_SECONDS if timeout is None else min(timeout, LONGEST_SILENCE_SECONDS)
