from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from ether_daemon.command import logging_setup
from ether_daemon.settings import LogSettings


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("etherd", "asyncio")]
    before = [(log.handlers[:], log.level, log.propagate) for log in loggers]
    yield
    for handler in loggers[0].handlers:
        handler.close()
    for log, (handlers, level, propagate) in zip(loggers, before, strict=True):
        log.handlers[:], log.propagate = handlers, propagate
        log.setLevel(level)  # forgets which levels were found enabled


def test_a_line_of_text(capfd: pytest.CaptureFixture[str]) -> None:
    logging_setup.configure(LogSettings()).info("Client connected from %s", "127.0.0.1:54321")

    output = capfd.readouterr()
    assert output.out == ""
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO    \[etherd\] "
        r"Client connected from 127\.0\.0\.1:54321\n",
        output.err,
    )


def test_a_line_of_json(capfd: pytest.CaptureFixture[str]) -> None:
    log = logging_setup.configure(LogSettings(format="json"))
    log.warning('a "quoted"\nline')

    (line,) = capfd.readouterr().err.splitlines()
    fields = json.loads(line)
    datetime.strptime(fields.pop("time"), "%Y-%m-%dT%H:%M:%S%z")
    assert fields == {"level": "WARNING", "logger": "etherd", "message": 'a "quoted"\nline'}


def test_an_exception_in_json_is_one_line_too(capfd: pytest.CaptureFixture[str]) -> None:
    log = logging_setup.configure(LogSettings(format="json"))
    try:
        raise ValueError("no good")
    except ValueError:
        log.exception("A request failed")

    (line,) = capfd.readouterr().err.splitlines()
    assert "ValueError: no good" in json.loads(line)["exc_info"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_every_line_of_a_file_parses(tmp_path: Path, form: str) -> None:
    path = tmp_path / "etherd.log"
    log = logging_setup.configure(LogSettings("debug", form, path))
    for number in range(50):
        log.debug("line %d ü", number)

    lines = path.read_text("utf-8").splitlines()
    assert len(lines) == 50
    for number, line in enumerate(lines):
        text = json.loads(line)["message"] if form == "json" else line
        assert text.endswith(f"line {number} ü")


@pytest.mark.parametrize("level", logging_setup.LEVELS)
def test_less_important_lines_are_not_written(
    level: str, capfd: pytest.CaptureFixture[str]
) -> None:
    log = logging_setup.configure(LogSettings(level))
    for name in logging_setup.LEVELS:
        log.log(logging.getLevelName(name.upper()), "at %s", name)

    said = [line.rpartition(" ")[2] for line in capfd.readouterr().err.splitlines()]
    assert said == list(logging_setup.LEVELS[logging_setup.LEVELS.index(level) :])


def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "etherd.log"
    log = logging_setup.configure(LogSettings(file=path))
    log.info("first")
    path.rename(tmp_path / "etherd.log.1")
    log.info("second")

    assert path.read_text().endswith("second\n")
    assert (tmp_path / "etherd.log.1").read_text().endswith("first\n")


def test_a_file_that_can_not_be_opened_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        logging_setup.configure(LogSettings(file=tmp_path / "absent" / "etherd.log"))


def test_nothing_is_written_twice(capfd: pytest.CaptureFixture[str]) -> None:
    logging_setup.configure(LogSettings())
    log = logging_setup.configure(LogSettings())
    log.info("once")
    assert capfd.readouterr().err.count("once") == 1
    assert log.propagate is False


CLIENTS = [
    ("a\nb", "a\\nb"),
    ("a\r\x1b[2J\x07", "a\\r\\x1b[2J\\x07"),
    ("\x9b31m", "\\x9b31m"),
    ("\u202eabc\u2028", "\\u202eabc\\u2028"),
    ("\udcff", "\\udcff"),
    ("\0@abstract", "\\x00@abstract"),
    ("Zoë \\ 日本", "Zoë \\ 日本"),
]


@pytest.mark.parametrize(("name", "shown"), CLIENTS)
def test_what_a_client_chose_is_printable_and_ends_no_line(
    name: str, shown: str, capfd: pytest.CaptureFixture[str]
) -> None:
    logging_setup.configure(LogSettings()).info("Client connected from %s", name)
    (line,) = capfd.readouterr().err.split("\n")[:-1]
    assert line.endswith(f"Client connected from {shown}")


@pytest.mark.parametrize(("name", "_"), CLIENTS)
def test_the_same_as_json(name: str, _: str, capfd: pytest.CaptureFixture[str]) -> None:
    logging_setup.configure(LogSettings(format="json")).info("Client connected from %s", name)
    line = capfd.readouterr().err
    assert line.count("\n") == 1
    assert line[:-1].isprintable()
    assert json.loads(line)["message"] == f"Client connected from {name}"


def test_a_traceback_is_indented_and_what_it_says_is_printable(
    capfd: pytest.CaptureFixture[str],
) -> None:
    log = logging_setup.configure(LogSettings())
    try:
        raise ValueError("bad name a\nb\x1b[2J")
    except ValueError:
        log.exception("A request failed")
    first, *rest = capfd.readouterr().err.splitlines()
    assert first.endswith("ERROR   [etherd] A request failed")
    assert all(line.startswith("    ") and line.isprintable() for line in rest)
    assert rest[-2:] == ["    ValueError: bad name a", "    b\\x1b[2J"]


def test_what_the_event_loop_says_goes_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "etherd.log"
    logging_setup.configure(LogSettings(file=path))
    logging.getLogger("asyncio").error("Exception in callback\nhandle: <Handle>")
    logging.getLogger("asyncio").info("no news")
    (line,) = path.read_text().splitlines()
    assert line.endswith(r"ERROR   [etherd] Exception in callback\nhandle: <Handle>")
