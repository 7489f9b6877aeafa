"""Where log lines go and what they look like.

Rule: the standard `logging` does the work; this file only configures it, once,
before the server starts.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
import time

from ether_daemon.settings import LogSettings

LEVELS = ("debug", "info", "warning", "error")


def configure(settings: LogSettings) -> logging.Logger:
    """Set the `etherd` logger up and return it; raises OSError if the file can't be opened."""
    handler: logging.Handler
    if settings.file is not None:
        handler = logging.handlers.WatchedFileHandler(settings.file, encoding="utf-8")
    else:
        handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_json() if settings.format == "json" else _text())
    log = logging.getLogger("etherd")
    log.setLevel(settings.level.upper())
    log.handlers[:] = [handler]
    log.propagate = False
    return log


def _text() -> logging.Formatter:
    formatter = logging.Formatter(
        "%(asctime)s.%(msecs)03dZ %(levelname)-7s [etherd] %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    return formatter


def _json() -> logging.Formatter:
    from pythonjsonlogger.json import JsonFormatter  # only for those who ask for it

    return JsonFormatter(
        "{asctime}{levelname}{name}{message}",
        style="{",
        datefmt="%Y-%m-%dT%H:%M:%S%z",
        rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
    )
