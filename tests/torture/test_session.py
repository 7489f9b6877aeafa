"""What the session makes of results."""

from __future__ import annotations

from dataclasses import asdict

import pytest

import session
from flaws import FLAWS
from page import page
from trials import CannotRunHere, Trial

MET = Trial("a goal", "1 | 2", True)
MISSED = Trial("another goal", "3", False)


def harness(trials: list[Trial], flawed: list[Trial]) -> session.Harness:
    return session.Harness(lambda _: trials, "a flaw", lambda: flawed)


def test_a_harness_is_run_in_full_and_with_its_flaw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(session.HARNESSES, "one", harness([MET, MISSED], [MISSED]))
    result = session.run("one", 1.0, "nox -s torture")
    assert result["found"]
    assert result["trials"] == [asdict(MET), asdict(MISSED)]
    rows = page({"one": result}, {"one": "a flaw"}).splitlines()[-2:]
    assert rows[0].startswith("| a goal | 1 / 2 | yes | a flaw: found | ")
    assert rows[1].startswith("| another goal | 3 | **no** | as above | ")


def test_a_flaw_that_is_not_found_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(session.HARNESSES, "one", harness([MET], [MET]))
    result = session.run("one", 1.0, "nox -s torture")
    assert "| a flaw: **not found** |" in page({"one": result}, {"one": "a flaw"})


def test_what_cannot_run_here_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(_: float) -> list[Trial]:
        raise CannotRunHere("there is no TLS")

    monkeypatch.setitem(session.HARNESSES, "one", session.Harness(cannot, "a flaw", list))
    result = session.run("one", 1.0, "nox -s torture")
    assert "| *one* | not run: there is no TLS | – | a flaw | " in page(
        {"one": result}, {"one": ""}
    )


def test_what_was_not_run_has_a_row() -> None:
    assert "| *one* | not run yet | – | a flaw |" in page({}, {"one": "a flaw"})


def test_every_flaw_of_a_daemon_is_of_use() -> None:
    named = {harness.flaw for harness in session.HARNESSES.values()}
    assert set(FLAWS) <= named
