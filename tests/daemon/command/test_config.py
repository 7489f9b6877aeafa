from __future__ import annotations

from pathlib import Path

import pytest

from ether_daemon.command.config import ConfigError, load

KNOWN = ("port", "max_memory", "insecure")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "etherd.toml"


def test_values_come_as_flags_do(path: Path) -> None:
    path.write_text('port = 0x10  # comment\nmax-memory = "64MiB"\ninsecure = true\n')
    assert load(path, KNOWN) == {"port": "16", "max_memory": "64MiB", "insecure": "True"}


@pytest.mark.parametrize("key", ["max-memory", "max_memory", '"max-memory"'])
def test_keys_may_be_written_either_way(path: Path, key: str) -> None:
    path.write_text(f"{key} = 4096")
    assert load(path, KNOWN) == {"max_memory": "4096"}


def test_an_empty_file_says_nothing(path: Path) -> None:
    path.write_text("")
    assert load(path, KNOWN) == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"port 1", "can't read {}: Expected '=' after a key"),
        (b"port = 1\nport = 2", "can't read {}: Cannot overwrite a value"),
        (b"\xff\xfe", "can't read {}: 'utf-8' codec can't decode"),
        (b"prot = 1", "{}: there is no setting 'prot', did you mean port?"),
        (b"max-memroy = 1", "{}: there is no setting 'max-memroy', did you mean max-memory?"),
        (b"zzz = 1", "{}: there is no setting 'zzz'"),
        (b"[port]", "{}: port is a text, a whole number, true or false"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(path: Path, content: bytes, reason: str) -> None:
    path.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        load(path, KNOWN)
    assert str(error.value).startswith(reason.format(path))
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there(path: Path) -> None:
    with pytest.raises(ConfigError, match=r"No such file or directory$"):
        load(path, KNOWN)


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Is a directory$"):
        load(tmp_path, KNOWN)
