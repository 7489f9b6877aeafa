"""The installed program without a terminal: statuses, streams, scripts."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ether_protocol import Client, Command, Message, ServerConnection
from ether_protocol.wire import bodies
from harness import DEADLINE_SECONDS, Etherd, command, until
from shell.fake_server import after_hello, fake_server, silent
from shell.program import environment, ether_shell

INTERRUPTED = b"interrupted: what was under way may or may not have been carried out\n"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_json_lines(etherd: Etherd, home: Path) -> None:
    done = ether_shell(
        etherd.address, "--json", "-c", "alloc 1024", "-c", "ping", "-c", "free 9", home=home
    )
    alloc, ping, free = map(json.loads, done.stdout.splitlines())
    assert alloc == {"command": "alloc", "ok": True, "handle": 1, "size": 1024}
    assert (ping["command"], ping["ok"], ping["ms"] > 0) == ("ping", True, True)
    assert (free["ok"], free["error"]) == (False, "NOT_FOUND")
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["-c", "free 9"], 1, "no block has handle 9 (NOT_FOUND)"),
        (["-c", "allocc 9"], 2, "unknown command 'allocc': did you mean alloc?"),
        (["-c", "alloc 9q"], 2, "  alloc 9q\n        ^"),
        (["-c", "write 1 hex:abc"], 2, "in pairs"),
        (["-c", "ping", "-f", "-"], 2, "-c and -f exclude each other"),
        (["-f", "/nonexistent"], 2, "does not exist"),
        (["--bogus"], 2, "No such option"),
        *[
            (["--timeout", value, "-c", "ping"], 2, "ether-shell: Invalid value for '--timeout'")
            for value in ("0", "-1", "nan", "inf", "1e300", "soon")
        ],
    ],
)
def test_what_goes_wrong_is_one_clear_line_and_a_status(
    etherd: Etherd, home: Path, arguments: list[str], status: int, says: str
) -> None:
    done = ether_shell(etherd.address, *arguments, home=home)
    assert done.returncode == status
    assert says in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
    if "-c" not in arguments or "--timeout" in arguments:  # a line gets a caret below
        assert done.stderr.count(b"\n") == 1
        assert done.stderr.startswith(b"ether-shell: ")


def test_a_program_is_told_of_wrong_usage_as_of_all_else(home: Path) -> None:
    done = ether_shell("--json", "--bogus", home=home)
    assert done.returncode == 2
    (line,) = done.stdout.splitlines()
    said = json.loads(line)
    message = said.pop("message")
    assert said == {"command": None, "ok": False, "error": "USAGE"}
    assert "--bogus" in message
    assert done.stderr.decode() == f"ether-shell: {message}\n"


@pytest.mark.parametrize(
    ("closed", "status", "says"),
    [
        (">&-", 1, b"ether-shell: standard output is closed\n"),
        (">&- 2>&-", 1, b""),
        ("2>&-", 0, b""),
        ("<&-", 0, b""),
        ("--timeout 0 2>&-", 2, b""),
    ],
)
def test_streams_that_are_closed(
    etherd: Etherd, home: Path, closed: str, status: int, says: bytes
) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" "$1" -c ping {closed}', command("ether-shell"), etherd.address],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment(home),
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (status, says)


def test_without_input_there_is_nothing_to_do(etherd: Etherd, home: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" "$1" <&-', command("ether-shell"), etherd.address],
        capture_output=True,
        env=environment(home),
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_an_address_that_is_none(home: Path) -> None:
    done = ether_shell("http://localhost", "-c", "ping", home=home)
    assert done.returncode == 2
    assert b"begins no address: write ether://HOST:PORT" in done.stderr


def test_an_address_with_a_scheme(etherd: Etherd, home: Path) -> None:
    assert ether_shell(f"ether://{etherd.address}", "-c", "ping", home=home).returncode == 0


def test_a_port_alone_is_one_of_this_machine(etherd: Etherd, home: Path) -> None:
    assert ether_shell(str(etherd.port), "-c", "ping", home=home).returncode == 0


def test_nobody_answers(home: Path) -> None:
    done = ether_shell(f"127.0.0.1:{free_port()}", "-c", "ping", home=home)
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr.startswith(b"ether-shell: can't connect to 127.0.0.1:")
    assert done.stderr.count(b"\n") == 1


def test_a_server_that_is_silent_is_given_up(home: Path) -> None:
    with fake_server(after_hello(silent)) as address:
        for line, status in (("ping", 3), ("alloc 5", 4)):
            done = ether_shell(address, "--timeout", "0.05", "-c", line, home=home)
            assert done.returncode == status
            assert b"no answer in time" in done.stderr


def test_a_file_into_a_block_and_out_again(etherd: Etherd, home: Path, tmp_path: Path) -> None:
    data = os.urandom(5 << 20)
    (tmp_path / "data").write_bytes(data)
    done = ether_shell(
        etherd.address, "-c", "alloc 5MiB", "-c", f"write $_ @{tmp_path}/data", home=home
    )
    assert done.returncode == 0
    done = ether_shell(etherd.address, "-c", "read 1 --as raw", home=home)
    assert done.stdout == data
    done = ether_shell(etherd.address, "-c", "write 1 @-", home=home, stdin=b"piped")
    assert done.returncode == 0
    done = ether_shell(etherd.address, "-c", "read 1 5 --as text", home=home)
    assert done.stdout == b"piped\n"


def test_a_reader_that_goes_away_is_no_error_message(
    etherd: Etherd, home: Path, client: Client
) -> None:
    client.alloc(8 << 20)
    client.fill(1, 7, 0, 8 << 20)
    with subprocess.Popen(
        [command("ether-shell"), etherd.address, "-c", "read 1 --as base64", "-c", "ping"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(home),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(DEADLINE_SECONDS) == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_output_that_can_not_be_written(etherd: Etherd, home: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [command("ether-shell"), etherd.address, "-c", "ping"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(home),
            timeout=DEADLINE_SECONDS,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"ether-shell: No space left on device\n")


def test_an_interrupt_ends_with_130(home: Path) -> None:
    sent = threading.Event()

    def stalling(peer: socket.socket) -> None:
        assert peer.recv(1)
        sent.set()
        silent(peer)

    with fake_server(after_hello(stalling)) as address:
        with subprocess.Popen(
            [command("ether-shell"), address, "-c", "alloc 5"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(home),
        ) as process:
            assert sent.wait(DEADLINE_SECONDS)  # the request is under way
            process.send_signal(signal.SIGINT)
            assert process.wait(DEADLINE_SECONDS) == 130
            assert process.stderr is not None
            said = process.stderr.read()
        assert said == b"ether-shell: " + INTERRUPTED


def test_an_interrupted_dump_keeps_what_came_and_says_where(home: Path) -> None:
    first = b"z" * (4 << 20)

    def stalling(peer: socket.socket) -> None:
        connection = ServerConnection()
        replies = {
            Command.INFO: bodies.pack(bodies.INFO_REPLY, 9 << 20, 0, 0),
            Command.READ: first,
        }
        while data := peer.recv(65536):
            for request in connection.receive_data(data):
                assert isinstance(request, Message)
                payload = replies.pop(Command(request.command), None)
                if payload is not None:
                    reply = request.reply(size=len(payload), payload=payload)
                    peer.sendall(connection.send(reply))

    target = home / "out.bin"
    target.write_bytes(b"as it was")
    part = home / "out.bin.part"
    with fake_server(after_hello(stalling)) as address:
        with subprocess.Popen(
            [command("ether-shell"), address, "-c", "dump 1 out.bin"],
            stderr=subprocess.PIPE,
            cwd=home,
            env=environment(home),
        ) as process:
            until(
                lambda: part.exists() and part.stat().st_size == len(first),
                "the first step is there",
            )
            process.send_signal(signal.SIGINT)
            assert process.wait(DEADLINE_SECONDS) == 130
            assert process.stderr is not None
            said = process.stderr.read().decode()
    assert said == (
        f"ether-shell: interrupted; {part} keeps the 4,194,304 bytes that came before that\n"
    )
    assert (target.read_bytes(), part.read_bytes()) == (b"as it was", first)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs the kernel's word for it")
def test_an_interrupt_before_anything_was_sent_leaves_no_doubt(etherd: Etherd, home: Path) -> None:
    with subprocess.Popen(
        [command("ether-shell"), etherd.address, "-c", "alloc 1", "-c", "write 1 @-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(home),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"1\n"
        state = Path(f"/proc/{process.pid}/stat")
        until(lambda: state.read_text().rpartition(")")[2].split()[0] == "S", "it waits for input")
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_SECONDS) == 130
        said = process.stderr.read()
        assert said == b"ether-shell: command 2: interrupted: nothing was sent\n"


def test_an_interrupt_while_waiting_for_a_line(etherd: Etherd, home: Path, client: Client) -> None:
    with subprocess.Popen(
        [command("ether-shell"), etherd.address],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(home),
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b"alloc 1\n")
        process.stdin.flush()
        until(lambda: client.list()[0] == 1, "the script has begun")
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_SECONDS) == 130
        # It may still be busy with the answer, and then it says so; a traceback it never is.
        assert process.stderr.read() in (b"", b"standard input:1: " + INTERRUPTED)


def test_the_version_and_the_help(home: Path) -> None:
    assert ether_shell("--version", home=home).stdout == b"ether-shell 0.1.0\n"
    said = ether_shell("--help", home=home).stdout.decode()
    assert "Exit status:" in said
    assert ether_shell("-h", home=home).stdout.decode() == said


def test_a_script_does_not_wait_for_what_only_a_person_needs() -> None:
    code = "import sys, ether_shell.command.cli; print('prompt_toolkit' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, timeout=DEADLINE_SECONDS
    )
    assert done.stdout == b"False\n"
