"""The file of a Unix socket, beside those of other servers."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ether_daemon.net.unix_socket import UnixSocketFile

Make = Callable[..., UnixSocketFile]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ether.sock"


@pytest.fixture
def make(path: Path) -> Iterator[Make]:
    """Listen at `path`; every socket is closed at the end."""
    made: list[UnixSocketFile] = []

    def make(mode: int = 0o600) -> UnixSocketFile:
        made.append(UnixSocketFile(path, mode, 5))
        return made[-1]

    yield make
    for file in made:
        file.sock.close()


def reached(path: Path) -> bool:
    """Whether somebody listens there."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_it_has_the_mode_that_was_asked_for(make: Make, path: Path, mode: int) -> None:
    make(mode)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert reached(path)


def test_it_is_removed_at_the_end(make: Make, path: Path) -> None:
    make().remove()
    assert not path.exists()


def test_what_a_dead_server_left_is_replaced(make: Make, path: Path) -> None:
    make().sock.close()
    assert path.exists()
    assert not reached(path)
    make()
    assert reached(path)


def test_a_live_one_is_never_touched(make: Make, path: Path) -> None:
    first = make()
    before = path.stat()
    with pytest.raises(OSError, match="already in use") as refused:
        make()
    assert refused.value.errno == errno.EADDRINUSE
    assert path.stat() == before
    assert reached(path)
    first.sock.accept()[0].close()


def test_a_live_one_whose_queue_is_full_is_live(make: Make, path: Path) -> None:
    make().sock.listen(0)
    with socket.socket(socket.AF_UNIX) as waiting:
        waiting.connect(str(path))
        with pytest.raises(OSError, match="already in use"):
            make()


def test_a_file_that_took_its_place_is_not_removed(make: Make, path: Path) -> None:
    first = make()
    path.unlink()
    second = make()
    first.remove()
    assert reached(path)
    second.remove()
    assert not path.exists()


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_is_no_socket_stays(make: Make, path: Path, kind: str) -> None:
    if kind == "file":
        path.write_text("precious")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(path.parent / "absent")
    with pytest.raises(OSError, match="no socket"):
        make()
    assert os.path.lexists(path)


def test_who_holds_the_folder_does_not_keep_it_from_starting(make: Make, path: Path) -> None:
    descriptor = os.open(path.parent, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        make()
        assert reached(path)
    finally:
        os.close(descriptor)


def test_a_path_that_is_too_long(path: Path) -> None:
    with pytest.raises(OSError, match="too long"):
        UnixSocketFile(path.with_name("x" * 200), 0o600, 5)
