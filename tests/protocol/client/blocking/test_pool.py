"""Clients for many threads."""

from __future__ import annotations

import threading
from contextlib import suppress

import pytest

from ether_protocol import (
    ConnectionLost,
    LocalProtocolError,
    Pool,
    ServerRestarted,
    TimedOut,
    connect,
)
from harness import DEADLINE_SECONDS, Etherd, StartEtherd
from protocol.client.chaos import ConnectionEnd, Fault, Proxy


def test_a_pool_gives_each_thread_its_own(shared_etherd: Etherd) -> None:
    wrong: list[object] = []

    def work(pool: Pool, seed: int) -> None:
        for number in range(50):
            with pool.client() as client:
                text = b"%d of %d" % (number, seed)
                with client.alloc(len(text)) as block:
                    block.write(text)
                    if (client.ping(text), block.read()) != (text, text):
                        wrong.append(text)

    with Pool(shared_etherd.address, 4) as pool:
        threads = [threading.Thread(target=work, args=(pool, seed)) for seed in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_SECONDS)
    assert wrong == []


def test_a_pool_does_not_hand_out_what_is_broken(proxy: Proxy) -> None:
    with Pool(proxy.address, 1, retry=None) as pool:
        with pool.client() as first:
            first.ping()
        with pool.client() as again:
            assert again is first
            proxy.now(Fault(replies=0, end=ConnectionEnd.RESET))
            with suppress(ConnectionLost):
                again.ping()
        assert first.closed
        with pool.client() as second:
            assert second is not first
            assert second.ping(b"whole") == b"whole"


def test_a_pool_has_one_wait_and_ends(shared_etherd: Etherd) -> None:
    pool = Pool(shared_etherd.address, 1)
    with pool.client() as client:
        with pytest.raises(TimedOut, match="all 1 clients"), pool.client(timeout=0.01):
            pass
        pool.close()
        assert client.ping(b"still") == b"still"
    assert client.closed
    with pytest.raises(LocalProtocolError, match="is closed"), pool.client():
        pass
    with pytest.raises(ValueError, match="the size of a pool is at least 1, not 0"):
        Pool(shared_etherd.address, 0)


def test_no_client_of_a_pool_takes_another_servers_blocks_for_its_own(
    start_etherd: StartEtherd,
) -> None:
    first = start_etherd()
    with Pool(first.address, 2) as pool:
        with pool.client() as client:
            handle = client.alloc(64).handle
            first.stop()
            second = start_etherd("--port", str(first.port))
            with connect(second.address) as other:
                assert other.alloc(64).handle == handle
            with pytest.raises(ServerRestarted), pool.client() as new:
                new.read(handle)
        for _ in range(2):  # the client of before, and a new one in its place
            with pytest.raises(ServerRestarted, match="was restarted"), pool.client() as client:
                client.read(handle)
