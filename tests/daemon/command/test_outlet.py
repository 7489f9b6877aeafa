from __future__ import annotations

import errno
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ether_daemon.command.outlet import LogFile, Outlet

LINE = b"a line\n"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        with suppress(OSError):
            os.close(descriptor)


def number(trouble: OSError | None) -> int | None:
    return trouble.errno if trouble else None


def fill(outlet: Outlet) -> bytes:
    """Write until nothing more is taken; returns what was."""
    written = b""
    for count in range(1_000_000):
        line = b"line %d\n" % count
        if not outlet.write(line):
            return written
        written += line
    raise AssertionError("it takes everything")


def test_what_is_written_arrives_and_the_descriptor_stays_the_callers(
    pipe: tuple[int, int],
) -> None:
    reader, writer = pipe
    outlet = Outlet(writer)
    assert outlet.write(LINE)
    assert outlet.trouble is None
    assert os.read(reader, 100) == LINE
    outlet.close()
    outlet.close()
    assert os.write(writer, LINE) == len(LINE)
    os.close(writer)
    assert os.read(reader, 100) + os.read(reader, 100) == LINE, "nothing else holds it open"


def test_a_closed_descriptor_is_an_os_error(pipe: tuple[int, int]) -> None:
    os.close(pipe[1])
    with pytest.raises(OSError, match="Bad file descriptor"):
        Outlet(pipe[1])


def test_a_pipe_that_nobody_reads_is_not_waited_for(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    outlet = Outlet(writer)
    written = fill(outlet)
    assert number(outlet.trouble) == errno.EAGAIN
    assert os.get_blocking(writer), "that belongs to everybody who shares the pipe"

    received = os.read(reader, 1 << 20)
    assert outlet.write(LINE)
    outlet.finish(30)
    outlet.close()
    os.close(writer)
    while chunk := os.read(reader, 1 << 20):
        received += chunk
    assert received == written + LINE, "each line whole, and in order"


def test_neither_is_one_that_can_not_be_opened_again(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", denied)
        outlet = Outlet(pipe[1])
    written = fill(outlet)
    received = os.read(pipe[0], 1 << 20)
    assert outlet.write(LINE)
    os.close(pipe[1])
    while chunk := os.read(pipe[0], 1 << 20):
        received += chunk
    assert received == written + LINE


def test_neither_is_a_socket() -> None:
    near, far = socket.socketpair()
    with near, far:
        outlet = Outlet(near.fileno())
        written = fill(outlet)
        assert near.getblocking()
        received = bytearray()

        def receive() -> None:
            while chunk := far.recv(1 << 20):
                received.extend(chunk)

        receiving = threading.Thread(target=receive)
        receiving.start()
        while not outlet.write(LINE):
            pass
        outlet.finish(30)
        outlet.close()
        near.close()
        receiving.join(30)
    assert bytes(received) == written + LINE


def test_a_pipe_whose_reader_has_gone(pipe: tuple[int, int]) -> None:
    outlet = Outlet(pipe[1])
    os.close(pipe[0])
    assert not outlet.write(LINE)
    assert number(outlet.trouble) == errno.EPIPE
    outlet.finish(30)


def test_a_full_disk_and_one_with_room_again(tmp_path: Path) -> None:
    outlet = Outlet(os.open("/dev/full", os.O_WRONLY))
    assert not outlet.write(LINE)
    assert number(outlet.trouble) == errno.ENOSPC

    path = tmp_path / "log"
    path.symlink_to("/dev/full")
    file = LogFile(path)
    assert not file.write(LINE)
    assert number(file.trouble) == errno.ENOSPC
    path.unlink()
    assert file.write(LINE)
    assert file.trouble is None
    assert path.read_bytes() == LINE


def test_a_line_that_fitted_in_part_is_made_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    program = f"""
import resource, signal
from pathlib import Path
from ether_daemon.command.outlet import LogFile
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
file = LogFile(Path({str(path)!r}))
print(file.write(b"first\\n"), file.write(b"second\\n"), file.write(b"third\\n"), file.trouble)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
print(file.write(b"fourth\\n"), file.trouble)
"""
    done = subprocess.run(["python", "-c", program], capture_output=True, text=True, timeout=30)
    assert done.stdout == "True True False [Errno 27] File too large\nTrue None\n", done.stderr
    assert path.read_text() == "first\nsecond\nfourth\n"


def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path) -> None:
    path, moved = tmp_path / "log", tmp_path / "log.1"
    file = LogFile(path)
    file.write(b"first\n")
    path.rename(moved)
    file.write(b"second\n")
    path.unlink()
    file.write(b"third\n")
    assert (moved.read_bytes(), path.read_bytes()) == (b"first\n", b"third\n")
    assert file.trouble is None
    file.close()
    file.close()


def test_where_the_new_one_can_not_be_opened_the_old_one_goes_on(tmp_path: Path) -> None:
    path, moved = tmp_path / "log", tmp_path / "log.1"
    file = LogFile(path)
    path.rename(moved)
    path.mkdir()
    assert file.write(LINE)
    assert number(file.trouble) == errno.EISDIR
    path.rmdir()
    assert file.write(b"again\n")
    assert file.trouble is None
    assert (moved.read_bytes(), path.read_bytes()) == (LINE, b"again\n")


def test_a_folder_that_was_removed_and_one_that_is_back(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    file = LogFile(folder / "log")
    (folder / "log").unlink()
    folder.rmdir()
    assert not file.write(LINE)
    assert number(file.trouble) == errno.ENOENT
    folder.mkdir()
    assert file.write(LINE)
    assert (folder / "log").read_bytes() == LINE


def test_what_can_not_be_opened_is_an_os_error(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(OSError, match="No such device or address"):
        LogFile(fifo)  # nobody reads it
    with pytest.raises(IsADirectoryError):
        LogFile(tmp_path)
    with pytest.raises(FileNotFoundError):
        LogFile(tmp_path / "absent" / "log")


def test_a_fifo_that_loses_its_reader_and_finds_another(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    file = LogFile(path)
    os.close(reader)
    assert not file.write(LINE)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    assert file.write(LINE)
    assert os.read(reader, 100) == LINE
    os.close(reader)
    file.close()
