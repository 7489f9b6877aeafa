"""Names of files that begin as what was typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ether_shell.terminal.paths import paths


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("apple.bin", "avocado", ".hidden", "two words", "clear\x1b[2J"):
        (tmp_path / name).touch()
    (tmp_path / "attic").mkdir()
    (tmp_path / "attic" / "old").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", ["apple.bin", "attic/", "avocado"]),
        ("a", ["apple.bin", "attic/", "avocado"]),
        ("ap", ["apple.bin"]),
        (".", [".hidden"]),
        ("./at", ["./attic/"]),
        ("attic/", ["attic/old"]),
        ("nowhere/", []),
        ("a\0", []),
        ("two", []),
    ],
)
def test_what_begins_so(here: Path, typed: str, found: list[str]) -> None:
    assert paths(typed) == found


def test_home_is_kept_as_it_was_typed(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here))
    assert paths("~/av") == ["~/avocado"]


def test_a_huge_folder_is_not_read_to_its_end(here: Path) -> None:
    assert len(paths("", most=2)) <= 2
