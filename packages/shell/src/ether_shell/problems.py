"""What can go wrong with a command, and what each means for a person and for a script.

Rule: one table turns any exception a command may raise into a `Failure`; the
exit statuses of `ether-shell` stand here and nowhere else.
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
_WINDOW_COLUMNS = 72
"""How much of a long line is shown above a caret."""

INCOMPLETE: Final = "INCOMPLETE"
"""What JSON calls a command that the shell itself could not finish; no server says so."""


class ExitStatus(IntEnum):
    """How `ether-shell` ends."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    NO_CONNECTION = 3
    OUTCOME_UNKNOWN = 4
    INTERRUPTED = 130
    READER_GONE = 141
    """Whoever read our output went away, as in `| head`: what SIGPIPE gives other programs."""


class Misuse(Exception):
    """A line that is no command: a bad word or a bad literal, and where in the line it stands.

    `at` is the index of the offending character, None where no spot is to blame.
    """

    def __init__(self, message: str, at: int | None = None) -> None:
        super().__init__(message)
        self.at = at


class Unfinished(Misuse):
    """A line that is no command yet, and may become one if somebody goes on typing."""


class Incomplete(Exception):
    """The server did all it was asked, and yet the command could not be finished."""


class PartlyWritten(Exception):
    """A write in several messages stopped between two: `written` bytes are in the block.

    Its cause is what stopped it; `handle` is told where the line did not name it.
    """

    def __init__(self, written: int, handle: int | None = None) -> None:
        where = "" if handle is None else f" to {handle}"
        super().__init__(f"{written:,} bytes were written{where} before that")
        self.written = written


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a command failed: `name` for programs, `message` for people.

    `written` are the bytes that a write in several messages had written before.
    """

    status: ExitStatus
    name: str
    message: str
    at: int | None = None
    written: int | None = None


class PartlySaved(Exception):
    """A file stopped being written: the first `saved` bytes are in `path`, its cause says why."""

    def __init__(self, path: Path, saved: int) -> None:
        super().__init__(f"{path} keeps the {saved:,} bytes that came before that")


def judge(error: BaseException, *, changes: bool, sent: bool = True) -> Failure | None:
    """What `error` means for a command that `changes` something on the server, or does not.

    `sent` is False where the command has not sent anything yet.  None for an
    error that no command is to blame for; it goes on its way.
    """
    match error:
        case PartlyWritten(__cause__=BaseException() as cause):
            failure = judge(cause, changes=changes, sent=sent)
            if failure is None:
                return None
            return replace(
                failure, message=f"{failure.message}; {error}", at=None, written=error.written
            )
        case PartlySaved(__cause__=BaseException() as cause):
            failure = judge(cause, changes=False, sent=sent)
            if failure is None:
                return None
            return replace(failure, message=f"{failure.message}; {error}", at=None)
        case Misuse():
            return Failure(ExitStatus.USAGE, "USAGE", str(error), error.at)
        case ServerError():
            return Failure(ExitStatus.REFUSED, error.name, str(error))
        case Incomplete():
            return Failure(ExitStatus.REFUSED, INCOMPLETE, str(error))
        case OutcomeUnknown():
            return Failure(ExitStatus.OUTCOME_UNKNOWN, "OUTCOME_UNKNOWN", str(error))
        case ConnectionLost():
            return Failure(ExitStatus.NO_CONNECTION, "NETWORK", str(error))
        case LocalProtocolError():
            return Failure(ExitStatus.USAGE, "USAGE", str(error))
        case ProtocolError():
            # An answer that makes no sense leaves open what was done.
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


def without_surrogates(text: str) -> str:
    r"""`text` with bytes that were no UTF-8 as `\xNN`; `repr` may have spelt them as `\udcNN`."""
    shown = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return _SPELT_SURROGATE.sub(r"\\x\1", shown)


def point_at(line: str, at: int) -> str:
    """`line` and under it a caret at index `at`, both indented; a long line is cut around it."""
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
