"""The first words on a new connection: is this a server of ours, and the one of before?

Rule: judgements only; each client asks HELLO in its own way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf

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

LONGEST_SILENCE_SECONDS = 5.0
"""How long HELLO may take where the operation timeout does not ask for less."""


@contextmanager
def first_words(address: Address) -> Iterator[None]:
    """Have what goes wrong with HELLO say what it means for somebody who just connected."""
    try:
        yield
    except ConnectionLost as error:
        why = str(error).partition(f"{address}: ")[2] or "it closed the connection"
        raise ConnectionLost(
            f"{address} accepted the connection but does not answer: is it an etherd? ({why})"
        ) from None
    except RemoteProtocolError as error:
        raise RemoteProtocolError(
            f"{address} does not answer as an etherd does: is it one? ({error})"
        ) from None


def see_that_it_just_can_not_say(address: Address, in_step: bool, error: ServerError) -> None:
    """Raise what a refused HELLO means, unless it is that an older server does not know it."""
    if not in_step:
        raise RemoteProtocolError(
            f"{address} speaks version 1 of the protocol only, this client version 2 ({error})"
        ) from None
    if not isinstance(error, Unsupported | InvalidRequest):
        raise error


def see_that_it_is_the_same(address: Address, before: Hello | None, now: Hello | None) -> None:
    """Raise ServerRestarted where the server holds another set of blocks than `before`."""
    if before is not None and (now is None or now.instance != before.instance):
        raise ServerRestarted(
            f"{address} was restarted: the blocks of before are gone, and their handles void"
        )


def silence_limit(timeout: float | None) -> float:
    """The longest silence while HELLO is under way, in seconds."""
    return LONGEST_SILENCE_SECONDS if timeout is None else min(timeout, LONGEST_SILENCE_SECONDS)


def see_that_they_are_times(connect_timeout: float, timeout: float | None) -> None:
    """Raise ValueError for timeouts that would end every attempt before it began."""
    for name, seconds in (("connect_timeout", connect_timeout), ("timeout", timeout)):
        if seconds is not None and not 0 < seconds < inf:
            raise ValueError(f"{name} is a number of seconds above 0, not {seconds!r}")
