"""Time that jumps, and time that stands still for the daemon.

Rule: nothing that a client did in time may be held against it because the day
changed or the process slept.
"""

from __future__ import annotations

import ctypes.util
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from daemons import TorturedDaemon, daemon
from talk import ALLOC, OK, PING, PONG, READ, WRITE, Hung, ask, hear, request
from trials import MIB, CannotRunHere, Trial

_DAY_SECONDS = 86_400
_PLACES = ("/usr/lib", "/usr/local/lib", "/lib")


def _faketime() -> str:
    for place in _PLACES:
        for found in sorted(Path(place).glob("**/faketime/libfaketimeMT.so.1")):
            return str(found)
    found_anywhere = ctypes.util.find_library("faketimeMT")
    if found_anywhere:
        return found_anywhere
    raise CannotRunHere("libfaketime is not installed (Debian: apt install libfaketime)")


def _through(target: TorturedDaemon, event: Callable[[], None]) -> list[str]:
    """What clients lose that are in the middle of things while `event` happens."""
    lost: list[str] = []
    message = request(WRITE, 1, payload=b"w" * 100_000)
    owed = 2 * MIB
    with (
        target.socket() as idle,
        target.socket() as halfway,
        target.socket() as owing,
        target.socket() as begun,
    ):
        ask(idle, ALLOC, size=owed)
        ask(idle, PING)
        halfway.sendall(message[:50_000])
        owing.sendall(request(READ, 1, owed))
        begun.sendall(request(PING)[:7])
        time.sleep(0.1)
        event()
        _look(lost, "an idle connection", lambda: ask(idle, PING).command == PONG)
        _look(lost, "half a WRITE", lambda: _rest(halfway, message[50_000:]) == OK)
        _look(lost, "replies not taken", lambda: len(hear(owing).payload) == owed)
        _look(lost, "half a header", lambda: _rest(begun, request(PING)[7:]) == PONG)
    return lost


def _rest(sock: socket.socket, rest: bytes) -> int:
    sock.sendall(rest)
    return hear(sock).command


def _look(lost: list[str], what: str, lives: Callable[[], bool]) -> None:
    try:
        if not lives():
            lost.append(what)
    except (OSError, Hung) as error:
        lost.append(f"{what} ({error})")


def jumps(flaw: str = "") -> list[Trial]:
    """The time of day goes a day forward, and two back."""
    trials = []
    library = _faketime()
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        offset = Path(folder, "offset")
        offset.write_text("+0\n")
        faked = {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(offset),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
        with daemon("--max-memory", "64MiB", flaw=flaw, env=faked) as target:
            for days in (1, -1):

                def jump(days: int = days) -> None:
                    offset.write_text(f"{days * _DAY_SECONDS:+d}\n")
                    time.sleep(1.5)

                lost = _through(target, jump)
                said = ", ".join(lost) or "nothing lost"
                trials.append(Trial(f"clock {days:+d} day: no false close", said, not lost))
    return trials


def stopped(seconds: float = 30.0, flaw: str = "") -> list[Trial]:
    """The process is stopped for a while, as a suspended machine stops it."""
    with daemon("--max-memory", "64MiB", flaw=flaw) as target:

        def stop() -> None:
            target.signal(signal.SIGSTOP)
            time.sleep(seconds)
            target.signal(signal.SIGCONT)
            time.sleep(0.3)

        lost = _through(target, stop)
    said = ", ".join(lost) or "nothing lost"
    return [Trial(f"{seconds:g} s SIGSTOP: no false close", said, not lost)]
