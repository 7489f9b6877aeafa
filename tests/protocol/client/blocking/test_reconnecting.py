"""A blocking client that two threads use, or that is interrupted."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from ether_protocol import (
    Client,
    ConnectionLost,
    LocalProtocolError,
    Traced,
    connect,
)
from harness import DEADLINE_SECONDS, Etherd, command, until
from protocol.client.chaos import Fault, Proxy
from protocol.scripted import connect_once, pong, serving, silence


def test_a_client_used_by_two_threads_is_unharmed(proxy: Proxy) -> None:
    with connect(proxy.address) as client, client.alloc(64) as block:
        proxy.now(Fault(delay=0.3))
        said: list[bytes] = []
        thread = threading.Thread(target=lambda: said.append(client.ping(b"first")))
        thread.start()
        refusals = []

        def refused_once() -> bool:
            try:
                block.read(5)
            except LocalProtocolError as error:
                refusals.append(error)
            return bool(refusals)

        until(refused_once, "the other thread's request in flight")
        acts: list[Callable[[], Any]] = [
            lambda: client.ping(b"second"),
            lambda: block.write(b"second"),
            lambda: _executed(client),
        ]
        for act in acts:
            with pytest.raises(LocalProtocolError, match="in use by another thread"):
                act()
        thread.join(DEADLINE_SECONDS)
        assert said == [b"first"]
        assert block.read(6) == bytes(6)


def _executed(client: Client) -> object:
    pipeline = client.pipeline()
    pipeline.ping()
    return pipeline.execute()


class SeemsFree:
    """A lock that another thread takes just after it was seen free."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def locked(self) -> bool:
        return False

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *how: object) -> None:
        self._lock.release()


@pytest.mark.parametrize("lock", [SeemsFree, threading.Lock], ids=["seems free", "is held"])
def test_a_thread_that_waits_for_a_reply_is_woken_by_a_close(
    lock: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "ether_protocol.client.blocking.reconnecting.threading", SimpleNamespace(Lock=lock)
    )
    with serving(silence) as server, ThreadPoolExecutor() as threads:
        client = connect_once(server, timeout=2 * DEADLINE_SECONDS)
        asked = threads.submit(client.ping)
        until(lambda: server.seen, "the request of the other thread")
        client.close()
        error = asked.exception(DEADLINE_SECONDS / 2)
        assert isinstance(error, ConnectionLost)
        client.close()
        assert client.closed


def test_a_client_closed_by_its_trace_hook_closes_its_socket() -> None:
    def hook(entry: Traced) -> None:
        if not entry.sent:
            client.close()

    with serving(pong) as server:
        client = connect_once(server)
        client.trace(hook)
        assert client.ping(b"echo") == b"echo"
        assert server.gone.wait(DEADLINE_SECONDS)
        with pytest.raises(ConnectionLost):
            client.ping()


INTERRUPTED = """
import signal, sys
from ether_protocol import connect

signal.signal(signal.SIGALRM, signal.default_int_handler)
client = connect(sys.argv[1])
block = client.alloc(1 << 20)
block.write(b"x" * (1 << 20))
wrong = 0

def ask(count):
    global wrong
    tag = b"%d" % count
    signal.setitimer(signal.ITIMER_REAL, 0.0005 + count % 7 * 0.0003)
    for _ in range(100):  # one that falls into a finalizer is lost
        if client.ping(tag) != tag or block.read(5) != b"xxxxx" or len(block.read()) != 1 << 20:
            wrong += 1
    signal.setitimer(signal.ITIMER_REAL, 0)

for count in range(200):
    try:
        ask(count)  # a call, since 3.13 lets an interrupt out of a loop within a try
    except KeyboardInterrupt:
        pass
print("wrong", wrong)
"""


def test_an_interrupt_at_any_moment_leaves_no_reply_behind(shared_etherd: Etherd) -> None:
    done = subprocess.run(
        [command("python"), "-c", INTERRUPTED, shared_etherd.address],
        capture_output=True,
        text=True,
        timeout=2 * DEADLINE_SECONDS,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("wrong 0\n", "")
