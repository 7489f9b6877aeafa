from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from ether_daemon.command.pidfile import PidFile, PidFileTaken
from harness import StartEtherd


def test_it_holds_the_process_until_it_is_released(tmp_path: Path) -> None:
    path = tmp_path / "etherd.pid"
    file = PidFile(path)
    assert path.read_text() == f"{os.getpid()}\n"
    assert path.stat().st_mode & 0o777 == 0o644
    file.release()
    assert not path.exists()
    file.release()


OLD = ["", "no number\n", "1\n", "4194304\n", "-1\n", "9" * 30, f"{os.getppid()}\n"]


@pytest.mark.parametrize("text", OLD)
def test_what_nobody_has_locked_is_taken_over(tmp_path: Path, text: str) -> None:
    path = tmp_path / "etherd.pid"
    path.write_text(text)
    file = PidFile(path)
    assert path.read_text() == f"{os.getpid()}\n"
    file.release()


def test_a_process_that_is_called_etherd_proves_nothing(
    tmp_path: Path, start_etherd: StartEtherd
) -> None:
    path = tmp_path / "etherd.pid"
    path.write_text(f"{start_etherd().pid}\n")
    file = PidFile(path)
    assert path.read_text() == f"{os.getpid()}\n"
    file.release()


def test_a_second_daemon_does_not_start(tmp_path: Path, start_etherd: StartEtherd) -> None:
    path = tmp_path / "etherd.pid"
    first = start_etherd("--pid-file", str(path))
    with pytest.raises(PidFileTaken, match=f"belongs to the running process {first.pid}$"):
        PidFile(path)
    with pytest.raises(AssertionError, match="belongs to the running process"):
        start_etherd("--pid-file", str(path))
    assert path.read_text() == f"{first.pid}\n"
    path.write_text("-1\n")
    with pytest.raises(PidFileTaken, match="belongs to the running process that has locked it"):
        PidFile(path)
    assert first.stop()[0] == 0
    assert not path.exists()


def test_what_a_killed_daemon_left_is_taken_over(tmp_path: Path, start_etherd: StartEtherd) -> None:
    path = tmp_path / "etherd.pid"
    first = start_etherd("--pid-file", str(path))
    first.signal(signal.SIGKILL)
    first.wait()
    assert path.exists()
    second = start_etherd("--pid-file", str(path))
    assert path.read_text() == f"{second.pid}\n"


@pytest.mark.parametrize("target", ["victim", "absent"])
def test_a_symbolic_link_is_not_followed(tmp_path: Path, target: str) -> None:
    (tmp_path / "victim").write_text("precious")
    path = tmp_path / "etherd.pid"
    path.symlink_to(tmp_path / target)
    with pytest.raises(PidFileTaken, match="is a symbolic link"):
        PidFile(path)
    assert (tmp_path / "victim").read_text() == "precious"
    assert not (tmp_path / "absent").exists()


def test_neither_is_anything_else_written_that_is_no_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    os.link(tmp_path / "victim", tmp_path / "etherd.pid")
    with pytest.raises(PidFileTaken, match="the same file as another"):
        PidFile(tmp_path / "etherd.pid")
    assert (tmp_path / "victim").read_text() == "precious"
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(PidFileTaken, match="no plain file"):
        PidFile(tmp_path / "fifo")
    with pytest.raises(PidFileTaken, match="no plain file"):
        PidFile(Path("/dev/null"))


def test_what_can_not_be_opened_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError) as folder:
        PidFile(tmp_path)
    assert folder.value.filename == str(tmp_path)
    with pytest.raises(FileNotFoundError) as absent:
        PidFile(tmp_path / "absent" / "etherd.pid")
    assert absent.value.filename == str(tmp_path / "absent" / "etherd.pid")


def test_a_file_that_another_has_put_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "etherd.pid"
    file = PidFile(path)
    path.unlink()
    path.write_text("another's\n")
    file.release()
    assert path.read_text() == "another's\n"
    file = PidFile(path)
    path.unlink()
    file.release()
