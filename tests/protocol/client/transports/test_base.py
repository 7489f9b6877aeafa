from __future__ import annotations

import errno

import pytest

from ether_protocol import Address, ConnectionLost
from ether_protocol.client.transports.base import (
    TransportError,
    closed_by_server,
    connecting,
    reason_of,
)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "whatever asyncio says"), "Connection refused"),
        (TimeoutError(), "no answer in time"),
        (BlockingIOError(errno.EAGAIN, "try again"), "no answer in time"),
        (OSError(-2, "Name or service not known"), "Name or service not known"),
        (OSError("just words"), "just words"),
        (ConnectionAbortedError(), "ConnectionAbortedError"),
        (closed_by_server(), "the server closed the connection"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_reason_is_the_same_words_everywhere(error: OSError, reason: str) -> None:
    assert reason_of(error) == reason
    assert TransportError(error).reason == reason
    assert TransportError(error).in_time is (reason != "no answer in time")
    with pytest.raises(ConnectionLost, match=f"^can't connect to here:9999: {reason}$"):
        with connecting(Address("here")):
            raise error


def test_an_impossible_host_name_is_a_lost_connection() -> None:
    with pytest.raises(ConnectionLost, match="this is not a host name"):
        with connecting(Address("here")):
            ("a" * 64).encode("idna")
