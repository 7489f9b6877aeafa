from __future__ import annotations

import subprocess
import sys

import pytest

from ether_daemon.command import cli, entry
from harness import DEADLINE_SECONDS


def python(*lines: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def test_it_runs_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr(cli, "main", lambda: ran.append("etherd"))
    entry.main()
    assert ran == ["etherd"]


def test_an_interrupt_is_status_130_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "main", interrupted)
    with pytest.raises(SystemExit) as end:
        entry.main()
    assert end.value.code == 130
    assert capsys.readouterr() == ("", "")


def test_other_ends_are_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "main", lambda: sys.exit(2))
    with pytest.raises(SystemExit) as end:
        entry.main()
    assert end.value.code == 2


def test_an_interrupt_while_it_is_still_importing() -> None:
    done = python(
        "import sys",
        "class Interrupt:",
        "    def find_spec(self, name, *_):",
        "        if name == 'click': raise KeyboardInterrupt",
        "sys.meta_path.insert(0, Interrupt())",
        "from ether_daemon.command.entry import main",
        "main()",
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_nothing_of_weight_is_imported_before_that() -> None:
    done = python(
        "import sys, ether_daemon.command.entry",
        "heavy = {'click', 'asyncio', 'uvloop', 'logging', 'ether_protocol'}",
        "print(sorted(heavy & set(sys.modules)))",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
