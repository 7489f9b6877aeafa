"""Where the shell keeps its files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ether_shell.locations import config_file, history_file
from harness import DEADLINE_SECONDS
from shell.program import environment


@pytest.mark.parametrize(
    ("variables", "path"),
    [
        ({}, "/h/.config/ether/shell.toml"),
        ({"XDG_CONFIG_HOME": "/c"}, "/c/ether/shell.toml"),
        ({"XDG_CONFIG_HOME": ""}, "/h/.config/ether/shell.toml"),
        ({"XDG_CONFIG_HOME": "here"}, "/h/.config/ether/shell.toml"),
        ({"XDG_STATE_HOME": "/s"}, "/h/.config/ether/shell.toml"),
    ],
)
def test_the_configuration(
    home: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], path: str
) -> None:
    for name, value in ({"HOME": "/h"} | variables).items():
        monkeypatch.setenv(name, value)
    assert config_file() == Path(path)


@pytest.mark.parametrize(
    ("variables", "path"),
    [
        ({}, "/h/.local/state/ether/history"),
        ({"XDG_STATE_HOME": "/s"}, "/s/ether/history"),
        ({"XDG_STATE_HOME": ""}, "/h/.local/state/ether/history"),
        ({"XDG_STATE_HOME": "here"}, "/h/.local/state/ether/history"),
        ({"XDG_CONFIG_HOME": "/c"}, "/h/.local/state/ether/history"),
    ],
)
def test_the_history(
    home: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], path: str
) -> None:
    for name, value in ({"HOME": "/h"} | variables).items():
        monkeypatch.setenv(name, value)
    assert history_file() == Path(path)


def test_to_ask_for_a_location_creates_nothing(home: Path) -> None:
    assert config_file().is_relative_to(home)
    assert history_file().is_relative_to(home)
    assert list(home.iterdir()) == []


def test_platformdirs_is_loaded_only_when_it_is_needed(home: Path) -> None:
    code = "import sys, ether_shell.command.cli; print('platformdirs' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        env=environment(home),
        timeout=DEADLINE_SECONDS,
    )
    assert done.stdout == b"False\n"
