"""Lines of -c, -f and a pipe."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ether_protocol import Client
from ether_shell.app.script import ScriptLine, of_commands, of_file
from harness import DEADLINE_SECONDS, Etherd, command
from shell.program import environment, ether_shell


def test_lines_of_commands() -> None:
    assert list(of_commands(["ping"], "sh")) == [ScriptLine("ping", "sh: ")]
    assert list(of_commands(["alloc 1\nping", "list"], "sh")) == [
        ScriptLine("alloc 1", "sh: command 1: "),
        ScriptLine("ping", "sh: command 2: "),
        ScriptLine("list", "sh: command 3: "),
    ]


def test_lines_of_a_file() -> None:
    assert list(of_file([b"\xef\xbb\xbfping\r\n", b"write 1 \xff\n", b"list"], "f")) == [
        ScriptLine("ping", "f:1: "),
        ScriptLine("write 1 \udcff", "f:2: "),
        ScriptLine("list", "f:3: "),
    ]


def test_commands_in_their_order(etherd: Etherd, home: Path) -> None:
    done = ether_shell(
        etherd.address, "-c", "alloc 64", "-c", "write $_ hello", "-c", "read $_ 5 --as text",
        home=home,
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stdout == b"1\nhello\n"
    assert done.stderr == b"wrote 5 B at 0 in 1\n"


def test_the_first_error_stops(etherd: Etherd, home: Path, client: Client) -> None:
    done = ether_shell(etherd.address, "-c", "alloc 1", "-c", "free 9", "-c", "alloc 1", home=home)
    assert done.returncode == 1
    assert done.stderr.startswith(b"ether-shell: command 2: ")
    assert client.list()[0] == 1


def test_a_script_from_a_file(etherd: Etherd, home: Path, tmp_path: Path) -> None:
    script = tmp_path / "setup.ether"
    script.write_bytes(b'\xef\xbb\xbf# a comment\r\n\r\nalloc 8\r\nwrite $_ "\xff\xfe" # raw\r\n')
    done = ether_shell(etherd.address, "-f", str(script), home=home)
    assert (done.returncode, done.stdout) == (0, b"1\n")
    done = ether_shell(etherd.address, "-c", "read 1 2 --as raw", home=home)
    assert done.stdout == b"\xff\xfe"


def test_an_error_in_a_script_names_its_line(etherd: Etherd, home: Path, tmp_path: Path) -> None:
    script = tmp_path / "setup.ether"
    script.write_text("ping\n\nread 9\nping\n")
    done = ether_shell(etherd.address, "-f", str(script), home=home)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{script}:3: ".encode())


def test_a_script_from_a_pipe(etherd: Etherd, home: Path) -> None:
    done = ether_shell(etherd.address, home=home, stdin=b"alloc 8\nquit\nalloc 8\n")
    assert (done.returncode, done.stdout) == (0, b"1\n")
    done = ether_shell(etherd.address, "-f", "-", home=home, stdin=b"alloc 8")
    assert (done.returncode, done.stdout) == (0, b"2\n")
    done = ether_shell(etherd.address, home=home, stdin=b"")
    assert (done.returncode, done.stdout) == (0, b"")
    done = ether_shell(etherd.address, home=home, stdin=b"write 1 @-\n")
    assert done.returncode == 2
    assert b"@- is the script itself" in done.stderr


def test_a_pipe_may_be_a_dialogue(etherd: Etherd, home: Path) -> None:
    with subprocess.Popen(
        [command("ether-shell"), etherd.address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(home),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"alloc 8\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"1\n"
        process.stdin.write(b"list\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"1 8\n"
        process.stdin.close()
        assert process.wait(DEADLINE_SECONDS) == 0
