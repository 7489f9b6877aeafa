"""What can go wrong with a command, and what it means for users and for scripts.

Rule: `classify` turns every exception that a command may raise into a `Failure`, and
`ExitStatus` lists all exit statuses. (`command.entry` repeats 130: it may import nothing.)
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path
from typing import Final

from ether_protocol import (
    ConnectionLost,
    LocalProtocolError,
    OutcomeUnknown,
    ProtocolError,
    ServerError,
)

_SPELT_SURROGATE = re.compile(r"\\udc([89a-f][0-9a-f])")
_OPTION_NAME = re.compile(r"(?<![\w/.-])(?:tls_ca|tls_cert|tls_key|tls_insecure|token_file)\b")
_WINDOW_COLUMNS = 72
"""The part of a long line that is shown above a caret."""

INCOMPLETE: Final = "INCOMPLETE"
"""The JSON error of a command that the shell could not finish; no error code of the server."""


class ExitStatus(IntEnum):
    """The exit statuses of `ether-shell`."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    NO_CONNECTION = 3
    OUTCOME_UNKNOWN = 4
    INTERRUPTED = 130
    READER_GONE = 141
    """The reader of the output closed it, as in `| head`; the status that SIGPIPE gives."""


class UsageError(Exception):
    """A line that is wrong: an unknown word, a bad literal, arguments that don't fit.

    `at` is the index of the wrong character in the line, None where there is none.
    """

    def __init__(self, message: str, at: int | None = None) -> None:
        super().__init__(message)
        self.at = at


class Unfinished(UsageError):
    """A line that is not complete yet, and may become right as the user goes on typing."""


class Incomplete(Exception):
    """The server refused nothing, and yet the command could not be finished."""


class PartlyWritten(Exception):
    """A write in several messages was stopped: the first `written` bytes are in the block.

    `__cause__` is what stopped it; `handle` is given where the line does not name it.
    """

    def __init__(self, written: int, handle: int | None = None) -> None:
        where = "" if handle is None else f" to {handle}"
        super().__init__(f"{written:,} bytes were written{where} before that")
        self.written = written


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a command failed: `name` for programs, `message` for users.

    `written` is how many bytes a write in several messages had written before.
    """

    status: ExitStatus
    name: str
    message: str
    at: int | None = None
    written: int | None = None


class PartlySaved(Exception):
    """Writing a file was stopped: the first `saved` bytes are in `path`; `__cause__` says why."""

    def __init__(self, path: Path, saved: int) -> None:
        super().__init__(f"{path} keeps the {saved:,} bytes that came before that")


def classify(error: BaseException, *, changes: bool, sent: bool = True) -> Failure | None:
    """What `error` means for a command; `changes` tells whether it changes the server.

    `sent` is False where the command has not sent anything yet. Returns None for an error that
    is not the command's: the caller raises it again.
    """
    match error:
        case PartlyWritten(__cause__=BaseException() as cause):
            failure = classify(cause, changes=changes, sent=sent)
            if failure is None:
                return None
            return replace(
                failure, message=f"{failure.message}; {error}", at=None, written=error.written
            )
        case PartlySaved(__cause__=BaseException() as cause):
            failure = classify(cause, changes=False, sent=sent)
            if failure is None:
                return None
            return replace(failure, message=f"{failure.message}; {error}", at=None)
        case UsageError():
            return Failure(ExitStatus.USAGE, "USAGE", str(error), error.at)
        case ServerError():
            return Failure(ExitStatus.REFUSED, error.name, in_flags(str(error)))
        case Incomplete():
            return Failure(ExitStatus.REFUSED, INCOMPLETE, str(error))
        case OutcomeUnknown():
            return Failure(ExitStatus.OUTCOME_UNKNOWN, "OUTCOME_UNKNOWN", str(error))
        case ConnectionLost():
            return Failure(ExitStatus.NO_CONNECTION, "NETWORK", in_flags(str(error)))
        case LocalProtocolError():
            return Failure(ExitStatus.USAGE, "USAGE", in_flags(str(error)))
        case ProtocolError():
            # After a reply that makes no sense it is not known what was done.
            status = ExitStatus.OUTCOME_UNKNOWN if changes and sent else ExitStatus.NO_CONNECTION
            return Failure(status, "CORRUPT", str(error))
        case KeyboardInterrupt():
            doubt = "what was under way may or may not have been carried out"
            state = str(error) or (doubt if sent else "nothing was sent") * changes
            message = f"interrupted: {state}" if state else "interrupted"
            return Failure(ExitStatus.INTERRUPTED, "INTERRUPTED", message)
        case MemoryError():
            return Failure(
                ExitStatus.REFUSED, INCOMPLETE, "there is not enough memory here to hold that"
            )
    return None


def in_flags(message: str) -> str:
    """`message` with the options of `connect` as they are typed: `--tls-ca` for `tls_ca`."""
    return _OPTION_NAME.sub(lambda found: f"--{found[0].replace('_', '-')}", message)


def without_surrogates(text: str) -> str:
    r"""`text` with bytes that were not UTF-8 as `\xNN`, also where `repr` made them `\udcNN`."""
    shown = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return _SPELT_SURROGATE.sub(r"\\x\1", shown)


def point_at(line: str, at: int) -> str:
    """`line`, and a caret below index `at`, both indented; a long line is cut around the caret."""
    shown = "".join(c if c.isprintable() else " " for c in line)
    start = max(0, at - _WINDOW_COLUMNS * 2 // 3)
    end = start + _WINDOW_COLUMNS
    before, after = shown[start:at], shown[at:end]
    lead = "…" if start else ""
    tail = "…" if end < len(shown) else ""
    pad = " " * (len(lead) + sum(_columns(c) for c in before))
    return f"  {lead}{before}{after}{tail}\n  {pad}^"


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
