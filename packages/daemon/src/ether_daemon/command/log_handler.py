"""The handler of all log lines: how many of a kind there may be, and what is told of the others.

Rule: it never raises and never waits, whatever becomes of the place that lines go to.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from typing import Protocol

LINES_A_SECOND = 10
"""How many lines of a kind are written in a second; the others are counted."""

UNLIMITED_UP_TO = logging.DEBUG
"""Lines of this level and below are all written: who asks for them wants each of them."""

MAX_LINE_BYTES = 16 * 1024

_WINDOW_SECONDS = 1.0
_MOST_KINDS = 64
_COMPLAIN_AGAIN_SECONDS = 60.0
_PLACEHOLDER = re.compile(r"%[-#0 +]*[\d.]*[a-zA-Z]")

Kind = tuple[str, str]
"""A logger's name and the text of a message before anything is put into it."""


class LineOutlet(Protocol):
    """What is needed here of the place that lines go to."""

    trouble: OSError | None
    """Why the last line was not written, or not where it belongs."""

    def write(self, text: bytes, /) -> bool:
        """Write a line and return whether it was taken."""

    def close(self) -> None:
        """Let go of what is open."""


class LineLimits:
    """Counts the lines of each kind in each second."""

    def __init__(self) -> None:
        self._until = 0.0
        self._lines: dict[Kind, int] = {}
        self._levels: dict[Kind, int] = {}

    def admits(self, record: logging.LogRecord) -> bool:
        """Whether `record` is one of the first of its kind in this second."""
        if record.levelno <= UNLIMITED_UP_TO:
            return True
        # What other libraries say has no fixed form.
        kind = (record.name, str(record.msg) if record.name == "etherd" else "")
        if kind not in self._lines and len(self._lines) >= _MOST_KINDS:
            kind = (record.name, "")
        lines = self._lines.get(kind, 0) + 1
        self._lines[kind] = lines
        self._levels[kind] = max(record.levelno, self._levels.get(kind, 0))
        return lines <= LINES_A_SECOND

    def left_out(self, now: float) -> Iterator[logging.LogRecord]:
        """When a second is over: a line for each kind of which lines were left out in it."""
        if now < self._until:
            return
        self._until = now + _WINDOW_SECONDS
        lines, self._lines = self._lines, {}
        levels, self._levels = self._levels, {}
        for kind, count in lines.items():
            if count > LINES_A_SECOND:
                name, message = kind
                yield _record(
                    name,
                    levels[kind],
                    "%d more lines were left out: %s",
                    count - LINES_A_SECOND,
                    _PLACEHOLDER.sub("…", message) or "of several kinds",
                )


class LogHandler(logging.Handler):
    """Writes lines to an outlet, or counts those that it does not take."""

    def __init__(
        self,
        outlet: LineOutlet,
        *,
        name: str,
        complaints: LineOutlet | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`name` is what a person calls the outlet; `complaints` is told once what is wrong.

        `clock` gives seconds.
        """
        super().__init__()
        self._outlet = outlet
        self._outlet_name = name
        self._complaints = complaints
        self._clock = clock
        self._limits = LineLimits()
        self._lost = 0
        self._reason = ""
        self._told = False
        self._complain_after = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Write `record` if there is room for one of its kind."""
        try:
            self._tell_left_out(self._clock())
            if self._limits.admits(record):
                self._put(record)
        except Exception:  # no memory, arguments that do not fit
            self._lost += 1
            self._reason = "they could not be made"

    def flush(self) -> None:
        """Tell what was left out in a second that is over, and what was lost; call it at times."""
        self._tell(self._clock())

    def close(self) -> None:
        """Tell what was left out until now, and close the outlet and that of complaints."""
        self._tell(float("inf"))
        self._outlet.close()
        if self._complaints is not None:
            self._complaints.close()
        super().close()

    def _tell(self, now: float) -> None:
        self.acquire()
        try:
            self._tell_left_out(now)
            self._tell_lost()
        except Exception:
            self._lost += 1
        finally:
            self.release()

    def _tell_left_out(self, now: float) -> None:
        for record in self._limits.left_out(now):
            self._put(record)

    def _put(self, record: logging.LogRecord) -> None:
        text = self.format(record).encode("utf-8", "backslashreplace")
        if len(text) > MAX_LINE_BYTES:
            text = text[:MAX_LINE_BYTES] + b" [cut off]"
        if not self._tell_lost() or not self._write(text):
            self._lost += 1

    def _tell_lost(self) -> bool:
        """Say how many lines were lost, if any; returns whether lines can be written."""
        if not self._lost:
            return True
        record = _record(
            "etherd",
            logging.WARNING,
            "%d lines were lost: %s",
            self._lost,
            self._reason or "unknown",
        )
        if not self._write(self.format(record).encode("utf-8", "backslashreplace")):
            return False
        self._lost, self._reason = 0, ""
        return True

    def _write(self, text: bytes) -> bool:
        taken = self._outlet.write(text + b"\n")
        trouble = self._outlet.trouble
        if trouble is None:
            self._told = False
            return taken
        if not taken:
            self._reason = _why(trouble)
        if not self._told and self._complaints is not None:
            self._complain(_why(trouble), taken)
        return taken

    def _complain(self, reason: str, taken: bool) -> None:
        """Say once what is wrong with the outlet, and not every time it comes and goes."""
        self._told = True
        now = self._clock()
        if now < self._complain_after or self._complaints is None:
            return
        self._complain_after = now + _COMPLAIN_AGAIN_SECONDS
        until_then = (
            "lines go on in the file that was there before"
            if taken
            else "lines are lost until that is mended"
        )
        line = f"etherd: can't write {self._outlet_name}: {reason}; {until_then}\n"
        self._complaints.write(line.encode("utf-8", "backslashreplace"))


def _why(trouble: OSError) -> str:
    if trouble.errno == errno.EAGAIN:
        return "nobody reads it"
    return os.strerror(trouble.errno) if trouble.errno else str(trouble)


def _record(name: str, level: int, message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord(name, level, "", 0, message, arguments, None)
