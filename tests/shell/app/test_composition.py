"""The parts put together for a script."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ether_protocol import parse_address
from ether_shell.app.composition import run
from ether_shell.app.options import ShellOptions
from ether_shell.settings import Profile, PromptSettings
from harness import Etherd
from shell.conversation import Stream


def redirected(monkeypatch: pytest.MonkeyPatch, stdin: str = "") -> tuple[Stream, Stream]:
    """Standard output and standard error of the test itself: pytest has its own in fixtures."""
    out, err, given = Stream(), Stream(), Stream()
    given.write(stdin)
    given.seek(0)
    for name, stream in (("stdin", given), ("stdout", out), ("stderr", err)):
        monkeypatch.setattr(sys, name, stream)
    return out, err


def options(
    etherd: Etherd, *commands: str, file: str | None = None, as_json: bool = False
) -> ShellOptions:
    profile = Profile(parse_address(etherd.address))
    return ShellOptions(profile, PromptSettings(), commands, file, as_json, False, False, 30.0)


def test_commands(etherd: Etherd, monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = redirected(monkeypatch, "in")
    assert run(options(etherd, "alloc 2", "write $_ @-", "read $_ --as text")) == 0
    assert out.take() == b"1\nin\n"
    assert err.take() == b"wrote 2 B at 0 in 1\n"


def test_a_file(etherd: Etherd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, _ = redirected(monkeypatch)
    script = tmp_path / "script"
    script.write_text("alloc 8\nfree 9\n")
    assert run(options(etherd, file=str(script), as_json=True)) == 1
    first, second = out.take().splitlines()
    assert first == b'{"command":"alloc","ok":true,"handle":1,"size":8}'
    assert b'"error":"NOT_FOUND"' in second


def test_what_is_destroyed_unattended_needs_a_yes(
    etherd: Etherd, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, err = redirected(monkeypatch)
    assert run(options(etherd, "free --all")) == 2
    assert b"-y says yes" in err.take()
