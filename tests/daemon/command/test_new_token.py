"""`etherd token`: what it prints, and that the auth file takes it."""

from __future__ import annotations

import re
import subprocess

import pytest

from ether_daemon.app.auth_file import parse
from ether_daemon.command import cli
from ether_daemon.service.access import Grant, of_token
from harness import command


def made(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    with pytest.raises(SystemExit) as end:
        cli.main(["token", *arguments])
    assert end.value.code == 0
    output = capsys.readouterr()
    return output.out, output.err


@pytest.mark.parametrize("read_only", [False, True])
def test_a_token_and_its_entry(capsys: pytest.CaptureFixture[str], read_only: bool) -> None:
    token, entry = made(capsys, "ada", *(["--read-only"] if read_only else []))
    assert re.fullmatch(r"[\w-]{43}\n", token), "256 bits"
    assert token.strip() not in entry
    rules = parse(entry.encode(), "auth.toml")
    assert rules.grant(of_token(token.strip().encode())) == Grant("ada", read_only)


def test_no_two_are_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert len({made(capsys, "ada")[0] for _ in range(20)}) == 20


def test_a_token_that_nobody_has_gets_no_entry() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [command("etherd"), "token", "ada"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.stderr == "etherd: can't print the token: No space left on device\n"
    assert done.returncode == 1


@pytest.mark.parametrize("arguments", [["a b"], ["a.b"], [""], ["x" * 65], [], ["a", "b"]])
def test_wrong_usage(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["token", *arguments])
    assert end.value.code == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("etherd: ")
