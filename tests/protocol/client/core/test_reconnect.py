"""When a client connects again, and when it does not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ether_protocol import (
    ConnectionLost,
    Retry,
    ServerRestarted,
    connect,
)
from harness import StartEtherd, until
from protocol.client.either import Either

QUICKLY = Retry(attempts=5, first_delay=0.001, longest_delay=0.01)


def test_a_restarted_server_is_told_from_a_lost_connection(
    each: Either, start_etherd: StartEtherd
) -> None:
    first = start_etherd()
    with each.connect(first.address, retry=QUICKLY) as client:
        block = client.alloc(64)
        first.stop()
        second = start_etherd("--port", str(first.port))
        assert second.port == first.port
        with pytest.raises(ServerRestarted, match="was restarted"):
            block.read()
        assert client.closed
        for act in (client.ping, lambda: block.read(1), lambda: block.write(b"x")):
            with pytest.raises(ConnectionLost, match="the client was closed"):
                act()
    with each.connect(second.address) as client:
        assert client.list() == (0, [])


def test_a_server_that_stopped_is_waited_for(each: Either, start_etherd: StartEtherd) -> None:
    first = start_etherd()
    with each.connect(first.address, retry=QUICKLY) as client:
        first.stop()
        with pytest.raises(ConnectionLost, match="can't connect"):
            client.ping()
        assert not client.closed


def test_closing_ends_the_attempts_to_connect_again(start_etherd: StartEtherd) -> None:
    daemon = start_etherd()
    client = connect(daemon.address, retry=Retry(2000, 0.001, 0.001))
    daemon.stop()
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(client.ping)
        until(lambda: not client.connected, "the end of the connection")
        client.close()
        with pytest.raises(ConnectionLost, match="the client was closed"):
            asked.result()
