"""Where log lines go and what they look like.

Rule: whatever a line tells of comes out as one line of printable text; what a
client chose can neither end it nor reach a terminal as a control character.
"""

from __future__ import annotations

import logging
import os
import time
from codecs import unicode_escape_encode

from ether_daemon.settings import LogSettings

from .log_handler import LogHandler
from .outlet import STDERR, LogFile, Outlet

LEVELS = ("debug", "info", "warning", "error")


def configure(settings: LogSettings) -> logging.Logger:
    """Set the `etherd` logger up and return it; raises OSError if the file can't be opened.

    What the event loop has to say goes the same way.
    """
    handler = _handler(settings)
    handler.setFormatter(_json() if settings.format == "json" else _TextFormatter())
    log = logging.getLogger("etherd")
    log.setLevel(settings.level.upper())
    event_loop = logging.getLogger("asyncio")
    event_loop.setLevel(max(logging.WARNING, log.level))
    for old in log.handlers:
        old.close()
    for logger in (log, event_loop):
        logger.handlers[:] = [handler]
        logger.propagate = False
    return log


def _handler(settings: LogSettings) -> LogHandler:
    if settings.file is None:
        return LogHandler(_stderr(), name="stderr")
    return LogHandler(LogFile(settings.file), name=str(settings.file), complaints=_stderr())


def _stderr() -> Outlet:
    try:
        return Outlet(STDERR)
    except OSError:  # closed
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            return Outlet(null)
        finally:
            os.close(null)


class _TextFormatter(logging.Formatter):
    """One line of printable text; the lines of a traceback follow it, indented."""

    def __init__(self) -> None:
        super().__init__(
            "%(asctime)s.%(msecs)03dZ %(levelname)-7s [etherd] %(message)s", "%Y-%m-%dT%H:%M:%S"
        )
        self.converter = time.gmtime

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.message = _printable(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:  # noqa: N802 - logging's name
        lines = super().formatException(ei).splitlines()  # type: ignore[arg-type]  # logging's own
        return "\n".join(f"    {_printable(line)}" for line in lines)


def _printable(text: str) -> str:
    """`text` with everything escaped that is no printable character."""
    if text.isprintable():
        return text
    return "".join(
        # `one.encode` imports its codec first, for which there may be no descriptor left.
        one if one.isprintable() else unicode_escape_encode(one)[0].decode()
        for one in text
    )


def _json() -> logging.Formatter:
    from pythonjsonlogger.json import JsonFormatter  # only for those who ask for it

    return JsonFormatter(
        "{asctime}{levelname}{name}{message}",
        style="{",
        datefmt="%Y-%m-%dT%H:%M:%S%z",
        rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
    )
