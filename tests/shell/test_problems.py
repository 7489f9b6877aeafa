"""What an exception means, and where a caret stands."""

from __future__ import annotations

import pytest

from ether_protocol import (
    ConnectionLost,
    LocalProtocolError,
    NotFound,
    OutcomeUnknown,
    OutOfRange,
    RemoteProtocolError,
)
from ether_shell.problems import (
    Incomplete,
    PartlyWritten,
    UsageError,
    classify,
    point_at,
    without_surrogates,
)


@pytest.mark.parametrize(
    ("error", "changes", "status", "name"),
    [
        (UsageError("what?"), False, 2, "USAGE"),
        (NotFound("no block"), True, 1, "NOT_FOUND"),
        (Incomplete("it shrank"), False, 1, "INCOMPLETE"),
        (ConnectionLost("gone"), False, 3, "NETWORK"),
        (OutcomeUnknown("who knows"), True, 4, "OUTCOME_UNKNOWN"),
        (LocalProtocolError("no such form"), True, 2, "USAGE"),
        (RemoteProtocolError("gibberish"), False, 3, "CORRUPT"),
        (RemoteProtocolError("gibberish"), True, 4, "CORRUPT"),
        (KeyboardInterrupt(), False, 130, "INTERRUPTED"),
        (MemoryError(), False, 1, "INCOMPLETE"),
    ],
)
def test_each_exception_has_a_status_and_a_name(
    error: BaseException, changes: bool, status: int, name: str
) -> None:
    failure = classify(error, changes=changes)
    assert failure is not None
    assert (failure.status, failure.name) == (status, name)
    assert failure.message


def test_an_exception_that_no_command_is_to_blame_for_goes_on() -> None:
    assert classify(ZeroDivisionError(), changes=False) is None


def test_what_was_never_sent_is_in_no_doubt() -> None:
    failure = classify(RemoteProtocolError("gibberish"), changes=True, sent=False)
    assert failure is not None
    assert failure.status == 3
    failure = classify(KeyboardInterrupt(), changes=True, sent=False)
    assert failure is not None
    assert failure.message == "interrupted: nothing was sent"


def test_a_write_that_stopped_midway_is_what_stopped_it() -> None:
    error = PartlyWritten(5000)
    error.__cause__ = OutOfRange("too long")
    failure = classify(error, changes=True)
    assert failure is not None
    assert (failure.status, failure.name, failure.written) == (1, "OVERFLOW", 5000)
    assert failure.message == "too long; 5,000 bytes were written before that"


def test_an_interrupted_change_is_in_doubt() -> None:
    failure = classify(KeyboardInterrupt(), changes=True)
    assert failure is not None
    assert "may or may not" in failure.message


@pytest.mark.parametrize(
    ("line", "at", "shown"),
    [
        ("alloc 12q", 6, "  alloc 12q\n        ^"),
        ("alloc", 5, "  alloc\n       ^"),
        ("a\tb \x1b[31m c", 4, "  a b  [31m c\n      ^"),
        ("日本 x", 3, "  日本 x\n       ^"),
        ("e\u0301 x", 3, "  e\u0301 x\n    ^"),
    ],
)
def test_a_caret_stands_under_its_character(line: str, at: int, shown: str) -> None:
    assert point_at(line, at) == shown


def test_a_long_line_is_cut_around_its_caret() -> None:
    line = "x" * 500 + "!" + "y" * 500
    text, caret = point_at(line, 500).split("\n")
    assert text[caret.index("^")] == "!"
    assert text.startswith("  …")
    assert text.endswith("…")
    assert len(text) < 80


def test_bytes_that_are_no_text_are_shown_as_escapes() -> None:
    text = b"caf\xe9 gr\xc3\xbcn".decode("utf-8", "surrogateescape")
    assert without_surrogates(text) == r"caf\xe9 grün"
    assert without_surrogates(repr(text)) == r"'caf\xe9 grün'"
