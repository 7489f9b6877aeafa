"""`--daemon`: leave the terminal once the daemon listens, or has failed to.

Rule: the command that was typed ends with the daemon's own answer: its banner
and status 0, or one line and status 1.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import NoReturn

_STARTED, _FAILED = b"+", b"-"


class Background:
    """The detached process; it tells the command that was typed how its start went."""

    def __init__(self) -> None:
        """Fork twice; this returns in the detached process only."""
        reader, self._writer = os.pipe()
        if os.fork():
            os.close(self._writer)
            _wait_and_exit(reader)
        os.close(reader)
        os.setsid()
        if os.fork():
            os._exit(0)
        os.chdir("/")

    def started(self, banner: str) -> None:
        """Have the command print `banner` and end with status 0, and leave the terminal."""
        self._tell(_STARTED, banner)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.close(null)

    def failed(self, line: str) -> None:
        """Have the command print `line` as an error and end with status 1."""
        self._tell(_FAILED, line)

    def _tell(self, how: bytes, text: str) -> None:
        """Tell the command once; afterwards it has ended, and nobody listens."""
        writer, self._writer = self._writer, -1
        if writer < 0:
            return
        with suppress(BrokenPipeError), os.fdopen(writer, "wb") as pipe:
            pipe.write(how + text.encode("utf-8", "backslashreplace"))


def _wait_and_exit(reader: int) -> NoReturn:
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    text = said[1:].decode()
    if said[:1] == _STARTED:
        print(text, flush=True)
        os._exit(0)
    print(text or "etherd: the daemon died before it could listen", file=sys.stderr, flush=True)
    os._exit(1)
