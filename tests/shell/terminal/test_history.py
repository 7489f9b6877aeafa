"""The history file is private from its first byte, and never in the way."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from prompt_toolkit.history import InMemoryHistory

from ether_shell.terminal.history import MemoryHistory, open_history, worth_keeping


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_private_before_anything_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "ether" / "history"
    old = os.umask(0)
    try:
        history = open_history(path)
        assert (mode(path), path.read_bytes()) == (0o600, b"")
        assert mode(path.parent) == 0o700
        history.store_string("write 1 secret")
        assert mode(path) == 0o600
        path.unlink()
        history.store_string("write 1 another")
        assert mode(path) == 0o600
    finally:
        os.umask(old)


def test_one_that_all_could_read_is_made_private(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.touch()
    path.chmod(0o644)
    open_history(path)
    assert mode(path) == 0o600


def test_what_was_stored_is_loaded_last_line_first(tmp_path: Path) -> None:
    history = open_history(tmp_path / "history")
    history.store_string("alloc 1")
    history.store_string("write 1 Grüße\nwrite 1 pasted")
    again = open_history(tmp_path / "history")
    assert list(again.load_history_strings()) == ["write 1 Grüße\nwrite 1 pasted", "alloc 1"]


def test_where_none_can_be_kept_it_is_in_memory(tmp_path: Path) -> None:
    (tmp_path / "ether").write_text("a file where a folder should be")
    assert isinstance(open_history(tmp_path / "ether" / "history"), InMemoryHistory)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("alloc 64", True),
        (" alloc 64", False),
        ("auth hunter2", False),
        ("AUTH hunter2", False),
        ("write 1 authority", True),
        ("alloc 1\nauth hunter2", False),
        ("", True),
        (f'write 1 "{"x" * 256}"', True),
        (f'write 1 "{"x" * 257}"', False),
        (f"write 1 {'x' * 257}", False),
        (f"write 1 hex:{'ff' * 257}", False),
        (f"write 1 hex:{'ff ' * 256}", True),
        (f"write 1 hex:{'ff ' * 257}", False),
        (f'write 1 "{"x" * 300}', False),
        (f"free {' '.join(map(str, range(100, 400)))}", True),
    ],
)
def test_what_is_kept(tmp_path: Path, text: str, kept: bool) -> None:
    assert worth_keeping(text) is kept
    for history in (open_history(tmp_path / "history"), MemoryHistory()):
        history.append_string(text)
        assert list(history.get_strings()) == [text] * kept


def test_a_line_that_can_not_be_stored_is_no_error(tmp_path: Path) -> None:
    history = open_history(tmp_path / "history")
    (tmp_path / "history").unlink()
    (tmp_path / "history").mkdir()
    history.store_string("alloc 1")
