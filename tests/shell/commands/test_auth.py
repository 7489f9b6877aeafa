"""A token is asked for, or read from a file, and is to be seen nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ether_protocol import Address
from harness import Etherd, until
from protocol.faulty_server import faulty_server
from shell.conftest import Talk
from shell.program import ether_shell
from shell.screen import Screen

TOKEN = "f00dfeedTOKENc0ffee"
NOT_IN_A_LINE = (
    "a token is not typed into a line, where everybody sees it:"
    " auth asks for it, auth @FILE reads it from a file\n"
)


@pytest.fixture
def closed() -> Iterator[Address]:
    """A server that wants TOKEN."""
    with faulty_server(token=TOKEN.encode()) as address:
        yield address


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token file"
    file.write_text(f"{TOKEN}\n")
    return file


def test_a_file_lets_in(talk: Talk, closed: Address, token_file: Path) -> None:
    shell = talk(str(closed))
    assert shell.run("alloc 64").err == (
        f"{closed} needs a token: give it with auth, or start with --token-file (UNAUTHENTICATED)\n"
    )
    said = shell.run(f'auth @"{token_file}"')
    assert (said.out, said.err, said.status) == ("faulty 0 accepts the token\n", "", 0)
    assert shell.run("alloc 64").out == "1\n"


def test_a_wrong_token_changes_nothing(talk: Talk, closed: Address, token_file: Path) -> None:
    shell = talk(str(closed))
    shell.run(f'auth @"{token_file}"')
    shell.run("alloc 64")
    token_file.with_name("wrong").write_text("WRONG\n")
    said = shell.run(f'auth @"{token_file.with_name("wrong")}"')
    assert said.err == (
        f"{closed} does not accept the token in {token_file.with_name('wrong')} (UNAUTHENTICATED)\n"
    )
    assert shell.run("read $_ 3 --as raw").data == bytes(3)


def test_another_token_forgets_what_the_one_before_had(
    talk: Talk, closed: Address, token_file: Path
) -> None:
    shell = talk(str(closed), interactive=True)
    shell.run(f'auth @"{token_file}"')
    shell.run("let a = alloc 64")
    said = shell.run(f'auth @"{token_file}"')
    assert f"connected to {closed} again; $_, $a are forgotten" in said.err


def test_a_server_that_wants_none_gets_none(talk: Talk, etherd: Etherd, token_file: Path) -> None:
    said = talk(etherd.address).run(f'auth @"{token_file}"')
    assert said.out == "connected, but etherd 0.1.0 wants no token, and got none\n"


def test_json_says_what_happened(talk: Talk, closed: Address, token_file: Path) -> None:
    shell = talk(str(closed), as_json=True)
    assert json.loads(shell.run(f'auth @"{token_file}"').out) == {
        "command": "auth",
        "ok": True,
        "server": "faulty 0",
        "token_wanted": True,
    }
    assert TOKEN not in shell.run(f"auth {TOKEN}").out


@pytest.mark.parametrize(
    "line",
    [
        f"auth {TOKEN}",
        f"auth {TOKEN} twice",
        f'auth "{TOKEN}',
        f"auth --token={TOKEN}",
        f"auth --token {TOKEN}",
        f"auth hex:{TOKEN}",
        f"watch 1 auth {TOKEN}",
        f"let a = auth {TOKEN}",
    ],
)
def test_a_token_in_a_line_is_refused_and_not_repeated(
    talk: Talk, closed: Address, line: str
) -> None:
    said = talk(str(closed)).run(line)
    assert (said.status, said.out, said.err) == (2, "", NOT_IN_A_LINE)


def test_other_lines_with_that_word_are_told_what_is_wrong_with_them(
    talk: Talk, etherd: Etherd
) -> None:
    said = talk(etherd.address).run("write 1 auth nonsense")
    assert "write takes no 'nonsense'" in said.err


def test_where_nobody_can_be_asked_a_file_is_asked_for(talk: Talk, closed: Address) -> None:
    assert talk(str(closed)).run("auth").err == (
        "nobody can be asked for a token here: auth @FILE reads it from a file\n"
    )


def test_a_trace_does_not_show_it(talk: Talk, closed: Address, token_file: Path) -> None:
    shell = talk(str(closed))
    shell.run("trace on")
    said = shell.run(f'auth @"{token_file}"')
    assert "AUTH" in said.err
    assert f"{len(TOKEN)} bytes, not shown" in said.err
    shell.run(f'trace save "{token_file.with_name("trace")}"')
    kept = token_file.with_name("trace").read_text()
    for text in (said.err, kept):
        assert TOKEN not in text
        assert TOKEN.encode().hex() not in text.lower().replace(" ", "")


def test_options_and_the_environment_let_in(closed: Address, token_file: Path, home: Path) -> None:
    done = ether_shell(str(closed), "-c", "ping", home=home)
    assert done.returncode == 1
    assert b"needs a token" in done.stderr
    done = ether_shell(str(closed), "--token-file", str(token_file), "-c", "alloc 5", home=home)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"1\n", b"")
    done = ether_shell(
        str(closed), "-c", "ping", home=home, env={"ETHER_TOKEN_FILE": str(token_file)}
    )
    assert done.returncode == 0


def asked(screen: Screen, times: int) -> None:
    """Wait until the token was asked for so often; keys before the question are dropped."""
    until(lambda: screen.shown().count("Token for ") == times, f"asked {times} times")


@pytest.mark.parametrize("plain", [(), ("--plain",)], ids=["prompt", "plain"])
def test_a_user_is_asked_and_sees_no_token(
    closed: Address, home: Path, plain: tuple[str, ...]
) -> None:
    with Screen(str(closed), *plain, home=home) as screen:
        screen.sees(f"{closed} needs a token: give it with auth", f"{closed} (disconnected)>")
        screen.type("auth\r")
        screen.sees(f"Token for {closed}:")
        screen.type("WRONG\r")
        screen.sees(f"{closed} does not accept the token (UNAUTHENTICATED)")
        screen.type("auth\r")
        asked(screen, times=2)
        screen.type(f"{TOKEN}\r")
        screen.sees("faulty 0 accepts the token", f"{closed}>")
        screen.type("alloc 5\r")
        screen.sees("handle 1, 5 B")
        screen.type("free 1\r")
        screen.sees("freed 1")
        screen.type("\x04")
        assert screen.ends() == 0
        assert TOKEN.encode() not in screen.raw
        assert b"WRONG" not in screen.raw
    for file in (home / ".local").rglob("*"):
        if file.is_file():
            text = file.read_text()
            assert TOKEN not in text
            assert "auth" not in text


def test_a_question_can_be_left(closed: Address, home: Path) -> None:
    with Screen(str(closed), home=home) as screen:
        screen.sees("(disconnected)>")
        screen.type("auth\r")
        screen.sees(f"Token for {closed}:")
        screen.type("\x03")
        screen.sees("interrupted")
        screen.type("auth\r")
        asked(screen, times=2)
        screen.type("\r")
        screen.sees("no token was given, nothing has changed")
        screen.type("quit\r")
        assert screen.ends() == 0
