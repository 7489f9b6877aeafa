from __future__ import annotations

import errno
import logging
import os

import pytest

from ether_daemon.command.log_handler import LINES_A_SECOND, MAX_LINE_BYTES, LogHandler


class Place:
    """What lines go to; it takes none while there is something `wrong` with it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.trouble: OSError | None = None
        self.wrong = 0
        self.misplaced = 0
        self.closed = False

    def write(self, text: bytes) -> bool:
        number = self.wrong or self.misplaced
        self.trouble = OSError(number, os.strerror(number)) if number else None
        if self.wrong:
            return False
        line = text.decode()
        assert line.endswith("\n")
        self.lines.append(line[:-1])
        return True

    def close(self) -> None:
        self.closed = True

    def said(self) -> list[str]:
        lines, self.lines = self.lines, []
        return lines


class Logged:
    """A logger over a handler with a clock of the test's."""

    def __init__(self, name: str = "etherd") -> None:
        self.now = 100.0
        self.place, self.complaints = Place(), Place()
        self.handler = LogHandler(
            self.place, name="/var/log/x", complaints=self.complaints, clock=lambda: self.now
        )
        self.handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
        self.log = logging.Logger(name, logging.DEBUG)
        self.log.addHandler(self.handler)


@pytest.fixture
def logged() -> Logged:
    return Logged()


def test_so_many_lines_of_a_kind_are_written_and_the_others_counted(logged: Logged) -> None:
    for client in range(LINES_A_SECOND + 5):
        logged.log.warning("Refused %s: %.1f s", client, 0.5)
    logged.log.info("Another kind")
    lines = [f"WARNING Refused {client}: 0.5 s" for client in range(LINES_A_SECOND)]
    assert logged.place.said() == [*lines, "INFO Another kind"]

    logged.now += 1
    logged.log.warning("Refused %s: %.1f s", "the next", 0.5)
    assert logged.place.said() == [
        "WARNING 5 more lines were left out: Refused …: … s",
        "WARNING Refused the next: 0.5 s",
    ]


def test_what_was_left_out_is_told_though_no_line_follows(logged: Logged) -> None:
    for _ in range(LINES_A_SECOND + 1):
        logged.log.info("Client connected")
    logged.place.said()
    logged.handler.flush()
    assert logged.place.said() == []
    logged.now += 1
    logged.handler.flush()
    logged.handler.flush()
    assert logged.place.said() == ["INFO 1 more lines were left out: Client connected"]

    for _ in range(LINES_A_SECOND + 2):
        logged.log.info("Client connected")
    logged.place.said()
    logged.handler.close()
    assert logged.place.said() == ["INFO 2 more lines were left out: Client connected"]
    assert logged.place.closed


def test_lines_of_level_debug_are_all_written(logged: Logged) -> None:
    for _ in range(1000):
        logged.log.debug("PING received")
    assert len(logged.place.said()) == 1000


def test_kinds_without_end_are_one_kind(logged: Logged) -> None:
    for number in range(1000):
        logged.log.info(f"Line {number}")
    assert len(logged.place.said()) < 100
    logged.now += 1
    logged.handler.flush()
    (line,) = logged.place.said()
    assert line.endswith("more lines were left out: of several kinds")


def test_another_library_has_one_kind() -> None:
    logged = Logged("asyncio")
    for number in range(1000):
        logged.log.error(f"Exception in {number}")
    assert len(logged.place.said()) == LINES_A_SECOND


def test_a_full_disk_is_said_once_and_what_was_lost_when_there_is_room(logged: Logged) -> None:
    logged.place.wrong = errno.ENOSPC
    for number in range(3):
        logged.log.info("Line %d", number)
    logged.handler.flush()
    assert logged.complaints.said() == [
        "etherd: can't write /var/log/x: No space left on device; "
        "lines are lost until that is mended"
    ]
    logged.place.wrong = 0
    logged.log.info("Line %d", 3)
    logged.log.info("Line %d", 4)
    assert logged.place.said() == [
        "WARNING 3 lines were lost: No space left on device",
        "INFO Line 3",
        "INFO Line 4",
    ]
    assert logged.complaints.said() == []


def test_a_disk_that_is_full_again_and_again_is_not_said_each_time(logged: Logged) -> None:
    for _ in range(10):
        logged.place.wrong = errno.ENOSPC
        logged.log.info("Lost")
        logged.place.wrong = 0
        logged.log.info("Written")
    assert len(logged.complaints.said()) == 1
    logged.now += 61
    logged.place.wrong = errno.EACCES
    logged.log.info("Lost")
    assert len(logged.complaints.said()) == 1


def test_lost_lines_are_told_though_no_line_follows(logged: Logged) -> None:
    logged.place.wrong = errno.EAGAIN
    logged.log.info("Lost")
    logged.place.wrong = 0
    logged.handler.flush()
    assert logged.place.said() == ["WARNING 1 lines were lost: nobody reads it"]


def test_a_file_that_can_not_be_begun_anew_is_said_once(logged: Logged) -> None:
    logged.place.misplaced = errno.EACCES
    logged.log.info("First")
    logged.log.info("Second")
    assert logged.place.said() == ["INFO First", "INFO Second"]
    assert logged.complaints.said() == [
        "etherd: can't write /var/log/x: Permission denied; "
        "lines go on in the file that was there before"
    ]


def test_where_complaints_are_not_taken_either_it_goes_on(logged: Logged) -> None:
    logged.place.wrong = logged.complaints.wrong = errno.ENOSPC
    logged.log.info("Lost")
    logged.place.wrong = 0
    logged.log.info("Written")
    assert logged.place.said()[-1] == "INFO Written"


class Unprintable:
    def __init__(self, error: type[Exception]) -> None:
        self._error = error

    def __str__(self) -> str:
        raise self._error


@pytest.mark.parametrize("error", [MemoryError, RecursionError, ValueError])
def test_a_line_that_can_not_be_made_raises_nothing(logged: Logged, error: type[Exception]) -> None:
    logged.log.info("%s", Unprintable(error))
    logged.log.info("%d", "no number")
    logged.log.info("Written")
    assert logged.place.said() == [
        "WARNING 2 lines were lost: they could not be made",
        "INFO Written",
    ]


def test_an_outlet_that_raises_is_no_reason_to_stop(logged: Logged) -> None:
    def broken(_: bytes) -> bool:
        raise MemoryError

    logged.place.write = broken  # type: ignore[assignment, method-assign]  # that is the fault
    logged.log.info("Lost")
    logged.handler.flush()
    logged.handler.close()


def test_a_line_is_no_longer_than_that(logged: Logged) -> None:
    logged.log.info("%s", "x" * 10 * MAX_LINE_BYTES)
    (line,) = logged.place.said()
    assert len(line) <= MAX_LINE_BYTES + 20
    assert line.endswith("x [cut off]")
