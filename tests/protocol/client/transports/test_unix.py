"""What is wrong with a path that leads to no server."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ether_protocol import ConnectionLost
from protocol.client.either import Either


def refused(each: Either, path: Path, reason: str) -> None:
    with pytest.raises(ConnectionLost) as caught:
        each.connect(str(path))
    assert str(caught.value) == f"can't connect to {path}: {reason}"


def test_nothing_there(each: Either, tmp_path: Path) -> None:
    refused(each, tmp_path / "nothing", "there is no such socket")
    (tmp_path / "file").touch()
    refused(each, tmp_path / "file" / "below", "Not a directory")


def test_another_kind_of_file(each: Either, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused(each, tmp_path / "file", "this is not a socket")
    refused(each, tmp_path, "this is not a socket")


def test_a_socket_that_a_server_has_left_behind(each: Either, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "left"))
    refused(each, tmp_path / "left", "no server listens on this socket any more")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing keeps root out")
def test_a_socket_of_somebody_else(each: Either, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as theirs:
        theirs.bind(str(tmp_path / "theirs"))
        theirs.listen()
        (tmp_path / "theirs").chmod(0)
        refused(
            each,
            tmp_path / "theirs",
            "the permissions of this socket, or of its folder, keep you out",
        )
