"""`kill -TERM`: what is under way ends well, everything is wiped, the statistics are printed."""

from __future__ import annotations

import os
import signal
from itertools import count

from ether_protocol import Client, connect
from harness import Etherd, receive_all, receive_exactly, until
from wire import ALLOC, OK, READ, V2, WRITE, ask_v1, receive_v2, v1, v2

MIB = 1024 * 1024

STATISTICS = """
[etherd] Received signal, shutting down...

[etherd] Final statistics:
=== Ether Allocator State ===
Total allocated: {0} bytes
Total freed:     {0} bytes
Current usage:   0 bytes
Peak usage:      {0} bytes
Allocations:     {1}
Frees:           {1}
=============================

[etherd] Goodbye!
"""


def test_the_banner_is_the_seeds(etherd: Etherd) -> None:
    assert etherd.banner.splitlines() == [
        "===========================================",
        "  Ether Daemon v0.1.0",
        "  Distributed Resource Allocation System",
        "===========================================",
        f"Listening on 127.0.0.1:{etherd.port}",
        "Max handles: unlimited",
        "Press Ctrl+C to stop",
    ]


def test_idle_clients_do_not_hold_it_up(etherd: Etherd, client: Client) -> None:
    client.alloc(1000)
    client.alloc(24)
    status, output = etherd.stop()
    assert (status, output) == (0, STATISTICS.format(1024, 2))


def test_ctrl_c_does_the_same(etherd: Etherd) -> None:
    etherd.signal(signal.SIGINT)
    assert etherd.wait() == (0, STATISTICS.format(0, 0))


def test_a_read_of_16_mib_that_is_under_way_ends(etherd: Etherd, client: Client) -> None:
    data = os.urandom(16 * MIB)
    client.alloc(16 * MIB).write(data)
    with etherd.socket() as sock:
        sock.sendall(v2(READ, 1, 16 * MIB, request_id=7))
        begun = receive_exactly(sock, V2.size + MIB)
        etherd.signal(signal.SIGTERM)
        until(lambda: "Shutting down" in etherd.log, "the signal is noticed")
        rest = receive_exactly(sock, 15 * MIB)
        assert (begun + rest)[V2.size :] == data
        assert receive_all(sock) == b""
    assert etherd.wait() == (0, STATISTICS.format(16 * MIB, 1))


def test_a_write_of_16_mib_that_is_under_way_ends(etherd: Etherd) -> None:
    request = v2(WRITE, 1, payload=os.urandom(16 * MIB))
    with etherd.socket() as sock:
        assert ask_v1(sock, ALLOC, 0, 16 * MIB).handle == 1
        sock.sendall(request[: 5 * MIB])
        _has_read(etherd, 4 * MIB, "some of it is there")
        etherd.signal(signal.SIGTERM)
        until(lambda: "Shutting down" in etherd.log, "the signal is noticed")
        sock.sendall(request[5 * MIB :])
        reply = receive_v2(sock)
        assert (reply.command, reply.size) == (OK, 16 * MIB)
        assert receive_all(sock) == b""
    assert etherd.wait()[0] == 0


def test_nobody_is_let_in_any_more(etherd: Etherd) -> None:
    with etherd.socket() as busy:
        busy.sendall(v1(WRITE, 1, 100))
        _has_read(etherd, 24, "a request has begun")
        etherd.signal(signal.SIGTERM)
        until(lambda: "Shutting down" in etherd.log, "the signal is noticed")
        until(lambda: not _accepts(etherd), "the port is closed")
        busy.sendall(bytes(100))
        assert len(receive_all(busy)) == 24
    assert etherd.wait()[0] == 0


def test_a_second_signal_stops_at_once(etherd: Etherd) -> None:
    with etherd.socket() as busy:
        busy.sendall(v1(WRITE, 1, 100))
        _has_read(etherd, 24, "a request has begun")
        etherd.signal(signal.SIGTERM)
        until(lambda: "Shutting down" in etherd.log, "the first is noticed")
        etherd.signal(signal.SIGTERM)
        status, output = etherd.wait()
    assert status == 1
    assert output == STATISTICS.format(0, 0)


def _has_read(etherd: Etherd, wanted: int, what: str) -> None:
    """Wait until the daemon has read `wanted` bytes, beside those that ask it how many it has."""
    with connect(etherd.address) as client:
        polls = count(1)
        until(lambda: client.stats()["received_bytes"] - V2.size * next(polls) >= wanted, what)


def _accepts(etherd: Etherd) -> bool:
    try:
        etherd.socket().close()
    except ConnectionError:
        return False
    return True
