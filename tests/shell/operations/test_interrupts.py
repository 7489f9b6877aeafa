"""A Ctrl-C that waits for the request in flight."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from ether_shell.operations.interrupts import StopRequest, deferred_interrupt
from harness import DEADLINE_SECONDS, until


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    """The handler of Python itself, which others may have replaced."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_first_one_only_asks() -> None:
    with deferred_interrupt() as stopping:
        assert not stopping.requested
        signal.raise_signal(signal.SIGINT)
        assert stopping.requested


def test_the_second_one_interrupts() -> None:
    with deferred_interrupt() as stopping:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert stopping.requested


def test_between_two_requests_the_first_one_interrupts() -> None:
    main = threading.main_thread().ident
    assert main is not None
    with deferred_interrupt() as stopping:
        press = threading.Thread(target=_press_when_idle, args=(stopping, main))
        press.start()
        with pytest.raises(KeyboardInterrupt):
            stopping.sleep(DEADLINE_SECONDS)
        press.join()
        assert not stopping.idle


def _press_when_idle(stopping: StopRequest, thread: int) -> None:
    until(lambda: stopping.idle, "it sleeps")
    signal.pthread_kill(thread, signal.SIGINT)


def test_afterwards_everything_is_as_before() -> None:
    with deferred_interrupt():
        pass
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
