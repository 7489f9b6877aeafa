"""The handshake: is this an Ether server, and is it the one from before?

Rule: judgements only; a client sends HELLO as it sends every request.
"""

from __future__ import annotations

from typing import Protocol

from ether_protocol.wire.address import Address
from ether_protocol.wire.bodies import Hello
from ether_protocol.wire.errors import (
    ConnectionLost,
    InvalidRequest,
    RemoteProtocolError,
    ServerError,
    ServerRestarted,
    Unsupported,
)

from . import operations
from .operations import Operation
from .options import ConnectOptions
from .tracing import Trace

LONGEST_SILENCE_SECONDS = 5.0
"""How long HELLO may take, if the operation timeout is not shorter."""


class NewConnection(Protocol):
    """A connection of either client, as far as the handshake needs it."""

    @property
    def address(self) -> Address:
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
            f"{address} accepted the connection but does not answer: is it an etherd? ({reason})"
        ) from None
    except RemoteProtocolError as error:
        raise RemoteProtocolError(
            f"{address} does not answer as an etherd does: is it one? ({error})"
        ) from None
    except ServerError as error:
        _check_refusal(connection, error)
    connection.limit_silence(options.timeout)
    return hello


def _check_refusal(connection: NewConnection, error: ServerError) -> None:
    """Raise what a refused HELLO means, unless an older server only does not know HELLO."""
    if not connection.in_step:
        raise RemoteProtocolError(
            f"{connection.address} speaks version 1 of the protocol only,"
            f" this client version 2 ({error})"
        ) from None
    if not isinstance(error, Unsupported | InvalidRequest):
        raise error


def check_same_server(address: Address, before: Hello | None, now: Hello | None) -> None:
    """Raise ServerRestarted if the server holds another set of blocks than `before`."""
    if before is not None and (now is None or now.instance != before.instance):
        raise ServerRestarted(
            f"{address} was restarted: its old blocks are gone, their handles are invalid"
        )


def _silence_limit(timeout: float | None) -> float:
    return LONGEST_SILENCE_SECONDS if timeout is None else min(timeout, LONGEST_SILENCE_SECONDS)
