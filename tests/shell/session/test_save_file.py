"""Files that commands write."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from ether_shell.language.values import FromFile
from ether_shell.problems import UsageError
from ether_shell.session.save_file import SaveFile


def test_a_file_is_there_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "out"
    part = tmp_path / "out.part"
    with SaveFile(FromFile(str(path), 0)) as save:
        assert not save.replaces
        save.write(b"one")
        save.write(b"two")
        assert (path.exists(), part.read_bytes(), save.size) == (False, b"onetwo", 6)
    assert (path.read_bytes(), part.exists()) == (b"onetwo", False)


def test_a_file_that_is_there_stays_until_then(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")
    save = SaveFile(FromFile(str(path), 0))
    assert save.replaces
    with suppress(ZeroDivisionError), save:
        save.write(b"new")
        raise ZeroDivisionError
    assert save.kept == tmp_path / "out.part"
    assert (path.read_bytes(), save.kept.read_bytes()) == (b"old", b"new")


def test_nothing_is_kept_of_nothing(tmp_path: Path) -> None:
    save = SaveFile(FromFile(str(tmp_path / "out"), 0))
    with pytest.raises(ZeroDivisionError), save:
        raise ZeroDivisionError
    assert save.kept is None
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with SaveFile(FromFile(str(tmp_path / "link"), 0)) as save:
        save.write(b"data")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"data"


def test_a_device_is_written_in_place() -> None:
    with SaveFile(FromFile("/dev/null", 0)) as save:
        save.write(b"data")
    assert (save.replaces, save.kept, save.size) == (False, None, 4)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/nowhere/at/all", "can't write /nowhere/at/all: No such file or directory"),
        ("a\0b", "can't write"),
    ],
)
def test_what_can_not_be_written_is_a_usage_error_with_its_place(path: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught, SaveFile(FromFile(path, 8)):
        pass
    assert caught.value.at == 8


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk() -> None:
    with pytest.raises(UsageError, match="No space left"):
        with SaveFile(FromFile("/dev/full", 0)) as save:
            save.write(b"data")


def test_the_home_directory(home: Path) -> None:
    with SaveFile(FromFile("~/out", 0)) as save:
        save.write(b"data")
    assert (home / "out").read_bytes() == b"data"
