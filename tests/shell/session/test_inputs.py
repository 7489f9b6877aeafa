"""Where the bytes of DATA come from."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from ether_protocol import MAX_PAYLOAD_BYTES
from ether_shell.language.values import FromFile
from ether_shell.problems import UsageError
from ether_shell.session.inputs import Inputs


def test_bytes_in_the_line_are_one_chunk() -> None:
    assert list(Inputs(None).chunks(b"")) == [b""]
    assert list(Inputs(None).chunks(b"abc")) == [b"abc"]
    chunks = list(Inputs(None).chunks(bytes(MAX_PAYLOAD_BYTES + 1)))
    assert [len(chunk) for chunk in chunks] == [MAX_PAYLOAD_BYTES, 1]


def test_a_file_comes_in_chunks_that_a_message_can_carry(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(bytes(MAX_PAYLOAD_BYTES) + b"end")
    chunks = list(Inputs(None).chunks(FromFile(str(path), 0)))
    assert [len(chunk) for chunk in chunks] == [MAX_PAYLOAD_BYTES, 3]


def test_the_size_is_known_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"12345")
    inputs = Inputs(io.BytesIO(b"piped"))
    assert inputs.size(b"abc") == 3
    assert inputs.size(FromFile(str(path), 0)) == 5
    assert inputs.size(FromFile("-", 0)) is None
    assert inputs.size(FromFile("/dev/null", 0)) is None
    with path.open("rb") as begun:
        begun.read(2)
        assert Inputs(begun).size(FromFile("-", 0)) == 3


def test_an_empty_file_is_one_empty_chunk(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert list(Inputs(None).chunks(FromFile(str(tmp_path / "empty"), 0))) == [b""]


def test_a_tilde_is_the_home(home: Path) -> None:
    (home / "f").write_bytes(b"from home")
    assert list(Inputs(None).chunks(FromFile("~/f", 0))) == [b"from home"]


def test_standard_input() -> None:
    assert list(Inputs(io.BytesIO(b"piped")).chunks(FromFile("-", 0))) == [b"piped"]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("-", "not here"),
        ("/nonexistent/f", "can't read /nonexistent/f: No such file or directory"),
        ("/", "can't read /: Is a directory"),
        ("a\0b", "can't read"),
    ],
)
def test_what_can_not_be_read_is_a_misuse_with_its_spot(path: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        list(Inputs(None, "not here").chunks(FromFile(path, 8)))
    assert caught.value.at == 8
