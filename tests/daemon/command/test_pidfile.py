from __future__ import annotations

import os
from pathlib import Path

import pytest

from ether_daemon.command import pidfile
from ether_daemon.command.pidfile import PidFileTaken
from harness import Etherd, StartEtherd


def test_it_holds_the_process_until_it_is_released(tmp_path: Path) -> None:
    path = tmp_path / "etherd.pid"
    pidfile.claim(path)
    assert path.read_text() == f"{os.getpid()}\n"
    pidfile.claim(path)
    pidfile.release(path)
    assert not path.exists()
    pidfile.release(path)


@pytest.mark.parametrize("text", ["", "no number\n", "1\n", "4194304\n", "-5\n", "9" * 30])
def test_what_no_living_daemon_wrote_is_taken_over(tmp_path: Path, text: str) -> None:
    path = tmp_path / "etherd.pid"
    path.write_text(text)
    pidfile.claim(path)
    assert path.read_text() == f"{os.getpid()}\n"


def test_a_living_daemons_file_is_left_alone(tmp_path: Path, etherd: Etherd) -> None:
    path = tmp_path / "etherd.pid"
    path.write_text(f"{etherd.pid}\n")
    with pytest.raises(PidFileTaken, match=f"belongs to the running process {etherd.pid}"):
        pidfile.claim(path)
    pidfile.release(path)
    assert path.read_text() == f"{etherd.pid}\n"
    etherd.stop()
    pidfile.claim(path)


def test_a_second_daemon_does_not_start(tmp_path: Path, start_etherd: StartEtherd) -> None:
    path = tmp_path / "etherd.pid"
    first = start_etherd("--pid-file", str(path))
    with pytest.raises(AssertionError, match="belongs to the running process"):
        start_etherd("--pid-file", str(path))
    assert path.read_text() == f"{first.pid}\n"
    assert first.stop()[0] == 0
    assert not path.exists()
