"""The C client, written from docs/protocol.md alone, and etherd, and servers that do it no good.

Rule: each test runs the client as built for use and as built with the
sanitizers, where the compiler has them.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ether_protocol import Client, ErrorCode
from harness import DEADLINE_SECONDS, Etherd, StartEtherd
from protocol.scripted import (
    Step,
    cut_off,
    hang_up,
    last,
    ok,
    pong,
    raw,
    refused,
    renumbered,
    serving,
    wrote,
)

SOURCES = Path(__file__).parents[2] / "examples" / "c"
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O2"]
STRICT += ["-D_POSIX_C_SOURCE=200809L"]
SANITIZERS = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
MIB = 1024 * 1024
TIMEOUT_MS = round(DEADLINE_SECONDS * 1000)
SHORT_TIMEOUT_MS = 50
"""For a server that will never answer."""


@dataclass(frozen=True)
class Build:
    """The two programs: the demo, and the one that makes a call for each line it is given."""

    demo: Path
    calls: Path

    def run_demo(
        self, etherd: Etherd, *arguments: str, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [self.demo, etherd.host, str(etherd.port), *arguments],
            input=stdin,
            capture_output=True,
            timeout=2 * DEADLINE_SECONDS,
            check=False,
        )

    @contextmanager
    def connected(self, port: int, timeout_ms: int = TIMEOUT_MS) -> Iterator[Callable[[str], str]]:
        """A connection; asks for a call, as "read 1 0 5", and tells what came of it."""
        with subprocess.Popen(
            [self.calls, "127.0.0.1", str(port), str(timeout_ms)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        ) as program:
            assert program.stdin is not None
            assert program.stdout is not None
            stdin, stdout = program.stdin, program.stdout

            def call(line: str) -> str:
                stdin.write(line + "\n")
                return stdout.readline().strip()

            assert stdout.readline() == "0 OK 0 \n"
            yield call
            stdin.close()
            assert program.wait(DEADLINE_SECONDS) == 0


def _compile(cc: str, output: Path, *arguments: str | Path) -> None:
    subprocess.run([cc, *STRICT, *arguments, "-o", output], check=True, timeout=DEADLINE_SECONDS)


def _has_sanitizers(cc: str, folder: Path) -> bool:
    source, program = folder / "empty.c", folder / "empty"
    source.write_text("int main(void) { return 0; }\n")
    built = subprocess.run(
        [cc, *SANITIZERS, source, "-o", program], capture_output=True, timeout=60, check=False
    )
    return built.returncode == 0 and subprocess.run([program], check=False).returncode == 0


@pytest.fixture(scope="module", params=["plain", "sanitized"])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Build:
    cc = shutil.which(os.environ.get("CC", "cc"))
    if cc is None:
        pytest.skip("there is no C compiler (cc) here")
    folder = tmp_path_factory.mktemp("c-client")
    flags: list[str] = []
    if request.param == "sanitized":
        if not _has_sanitizers(cc, folder):
            pytest.skip(f"{cc} has no address and undefined behaviour sanitizers here")
        flags = SANITIZERS
    library = [SOURCES / "ether.c", SOURCES / "wire.c"]
    build = Build(folder / "demo", folder / "ether_calls")
    calls = Path(__file__).with_name("ether_calls.c")
    _compile(cc, build.demo, *flags, SOURCES / "demo.c", *library)
    _compile(cc, build.calls, *flags, f"-I{SOURCES}", calls, *library)
    return build


def _data(size: int) -> bytes:
    return random.Random(size).randbytes(size)


# With etherd


def test_the_tour_meets_no_surprise_and_frees_what_it_allocates(
    built: Build, etherd: Etherd, client: Client
) -> None:
    tour = built.run_demo(etherd)

    assert tour.stderr == b""
    assert tour.returncode == 0
    assert b"read: NOT_FOUND, no block has handle 1\n" in tour.stdout
    assert client.list() == (0, [])


@pytest.mark.parametrize("size", [1, 16 * MIB, 40 * MIB + 1], ids=["1 B", "16 MiB", "40 MiB + 1 B"])
def test_each_client_reads_what_the_other_wrote(
    built: Build, etherd: Etherd, client: Client, size: int
) -> None:
    data = _data(size)

    put = built.run_demo(etherd, "put", stdin=data)
    assert (put.returncode, put.stderr) == (0, b"")
    assert client.read(int(put.stdout), size) == data

    block = client.alloc(size)
    block.write(data[::-1])
    got = built.run_demo(etherd, "get", str(block.handle), "0", str(size))
    assert (got.returncode, got.stderr) == (0, b"")
    assert got.stdout == data[::-1]


@pytest.mark.parametrize("size", [5, 16 * MIB, 20 * MIB])
def test_a_read_ends_where_the_block_does(
    built: Build, etherd: Etherd, client: Client, size: int
) -> None:
    client.alloc(size)

    with built.connected(etherd.port) as call:
        assert call(f"read 1 0 {90 * MIB}") == f"{size} OK {size}"
        assert call(f"read 1 {size - 1} {90 * MIB}") == "1 OK 1"
        assert call(f"read 1 {size} {90 * MIB}") == "0 OK 0"
        assert call("ping") == "0 OK 0"


@pytest.mark.parametrize("call", ["write 1 1 {size}", "fill 1 1 119 {size}", "copy 1 1 2 0 {size}"])
def test_a_large_range_that_does_not_fit_changes_nothing(
    built: Build, etherd: Etherd, client: Client, call: str
) -> None:
    size = 33 * MIB
    block, source = client.alloc(size), client.alloc(size)
    source.write(b"w" * size)

    with built.connected(etherd.port) as ask:
        assert ask(call.format(size=size)).startswith("-1 OVERFLOW 0 ")
        assert block.read() == bytes(size)
        assert ask(call.format(size=size - 1)) == f"0 OK {size - 1}"
    assert block.read() == b"\0" + b"w" * (size - 1)


def test_refusals_leave_the_connection(built: Build, etherd: Etherd) -> None:
    transcript = {
        "read 7 0 1": "-1 NOT_FOUND 0 no block has handle 7",
        "alloc 0": "0 INVALID 0 a block has at least 1 byte",
        "alloc 10 2": "0 UNSUPPORTED 0 ALLOC: flags 0x0002 are unknown",
        "alloc 10": "1 OK 0",
        "write 1 8 3": "-1 OVERFLOW 0 3 bytes at offset 8 are not inside 10 bytes",
        "write 1 11 0": "-1 OVERFLOW 0 0 bytes at offset 11 are not inside 10 bytes",
        "read 1 18446744073709551615 2": "-1 OVERFLOW 0 a range that ends above 2^64",
        "add 1 3 1": "-1 OVERFLOW 0 8 bytes at offset 3 are not inside 10 bytes",
        "copy 1 0 9 0 1": "-1 NOT_FOUND 0 no block has handle 9",
        "free 9": "-1 NOT_FOUND 0 no block has handle 9",
        "auth": "-1 UNSUPPORTED 0 no authentication is configured here, and none is needed",
        "list 0 10": "1 OK 0",
        "list 1 10": "0 OK 0",
        "free 1": "0 OK 0",
    }
    with built.connected(etherd.port) as call:
        assert {line: call(line) for line in transcript} == transcript


def test_where_there_is_no_room(built: Build, start_etherd: StartEtherd) -> None:
    etherd = start_etherd("--max-clients", "1")

    with built.connected(etherd.port) as first:
        assert first("ping") == "0 OK 0"
        with built.connected(etherd.port) as second:
            assert second("alloc 5") == "0 BUSY 0 1 clients are connected, and no more may be"
            assert second("alloc 5").startswith("0 CLOSED 0 not connected: 1 clients are ")
        assert first("list 0 1") == "0 OK 0"


def test_where_nobody_listens(built: Build) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    tried = subprocess.run(
        [built.demo, "127.0.0.1", str(port)], capture_output=True, text=True, check=False
    )

    assert tried.returncode == 1
    assert tried.stderr == "connect: NETWORK: Connection refused\n"


def test_a_server_that_stops_between_two_calls_leaves_no_doubt(
    built: Build, etherd: Etherd
) -> None:
    with built.connected(etherd.port) as call:
        assert call("alloc 10") == "1 OK 0"
        etherd.stop()
        assert call("free 1") == (
            "-1 NETWORK 0 the server had closed the connection; nothing was sent"
        )
        for _ in range(2):
            assert call("free 1") == (
                "-1 CLOSED 0 not connected: the server had closed the connection; nothing was sent"
            )


# With servers that fail


def _header(**changed: int) -> bytes:
    """The reply to a first request on handle 1, with fields `changed`."""
    fields = {"magic": 0xE7E7E7E7, "version": 2, "command": 0xF0, "flags": 0, "handle": 1}
    widths = {"magic": 4, "version": 1, "command": 1, "flags": 2, "handle": 8}
    fields |= {"size": 0, "offset": 0, "request_id": 0, "length": 0}
    widths |= {"size": 8, "offset": 8, "request_id": 4, "length": 4}
    fields |= changed
    return b"".join(fields[name].to_bytes(widths[name], "big") for name in widths)


NOT_ETHER = "what answers is no Ether server"
HUGE = "a reply longer than any message may be"
BAD = "a reply of the wrong length"


@pytest.mark.parametrize(
    ("request_line", "answer", "outcome"),
    [
        ("info 1", raw(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"), f"BAD_REPLY 0 {NOT_ETHER}"),
        ("info 1", raw(_header(length=2**24 + 1)), f"BAD_REPLY 0 {HUGE}"),
        ("info 1", raw(_header(length=2**32 - 1, command=0xFF)), f"BAD_REPLY 0 {HUGE}"),
        ("info 1", raw(_header(length=17)), f"BAD_REPLY 0 {BAD}"),
        ("info 1", raw(_header(length=19)), f"BAD_REPLY 0 {BAD}"),
        ("info 1", raw(_header(length=18, handle=2)), "BAD_REPLY 0 a reply about another handle"),
        ("info 1", raw(_header(command=0x02)), "BAD_REPLY 0 a reply of the wrong kind"),
        ("info 1", raw(_header(command=0xFF)), "BAD_REPLY 0 an ERROR without a code"),
        (
            "info 1",
            raw(_header(command=0xFF, length=2) + b"\0\0"),
            "BAD_REPLY 0 an ERROR that means OK",
        ),
        (
            "ping",
            renumbered(pong),
            "BAD_REPLY 0 a reply to another request than the one that is due",
        ),
        ("read 1 0 5", ok(size=6, payload=b"123456"), f"BAD_REPLY 0 {BAD}"),
        (
            "read 1 0 5",
            ok(size=4, payload=b"12345"),
            "BAD_REPLY 0 a reply about another number of bytes",
        ),
        ("list 0 1", ok(0, 2, bytes(32)), f"BAD_REPLY 0 {BAD}"),
        ("list 0 1", ok(0, 2, bytes(15)), "BAD_REPLY 0 a list that ends within an entry"),
        ("list 0 1", ok(0, 2, bytes(16)), "BAD_REPLY 0 a list that does not ascend"),
        ("hello", ok(0, 0, b"\xff" + b"x" * 200), "BAD_REPLY 0 a body shorter than its fields"),
        ("hello", ok(0, 0, b""), "BAD_REPLY 0 a body shorter than its fields"),
        (
            "info 1",
            raw(bytes.fromhex("E7E7E7E7 01 FF 0000 0000000000000000 00000000 0000000C")),
            "UNSUPPORTED 0 the server does not speak version 2",
        ),
        (
            "free 1",
            raw(bytes.fromhex("E7E7E7E7 01 FF 0000 0000000000000000 00000000 0000000C")),
            "UNSUPPORTED 0 the server does not speak version 2",
        ),
        ("free 1", ok(2), "OUTCOME_UNKNOWN 0 outcome unknown: a reply about another handle"),
        ("alloc 5", ok(0, 5), "OUTCOME_UNKNOWN 0 outcome unknown: a reply about another handle"),
    ],
)
def test_what_is_no_reply_ends_the_connection(
    built: Build, request_line: str, answer: Step, outcome: str
) -> None:
    with serving(answer) as server, built.connected(server.address.port) as call:
        result, told = call(request_line).split(" ", 1)

        assert (int(result), told) == (0 if request_line.startswith("alloc") else -1, outcome)
        assert call("ping").split()[1] == "CLOSED"


CLOSED = "the server closed the connection"


@pytest.mark.parametrize(
    ("request_line", "script", "outcome"),
    [
        ("read 1 0 5", [hang_up], f"NETWORK 0 {CLOSED}"),
        ("read 1 0 5", [cut_off(ok(size=5, payload=b"12345"), 42)], f"NETWORK 0 {CLOSED}"),
        ("write 1 0 5", [hang_up], f"OUTCOME_UNKNOWN 0 outcome unknown: {CLOSED}"),
        ("write 1 0 5", [cut_off(wrote, 39)], f"OUTCOME_UNKNOWN 0 outcome unknown: {CLOSED}"),
        (
            "add 1 0 5",
            [cut_off(ok(payload=bytes(8)), 47)],
            f"OUTCOME_UNKNOWN 0 outcome unknown: {CLOSED}",
        ),
        # the range is looked at, two pieces are answered, the third is in doubt
        (
            f"fill 1 0 5 {48 * MIB}",
            [ok(), ok(size=16 * MIB), ok(size=16 * MIB), hang_up],
            f"OUTCOME_UNKNOWN {32 * MIB} outcome unknown: {CLOSED}",
        ),
        (f"fill 1 0 5 {64 * MIB}", [hang_up], f"NETWORK 0 {CLOSED}"),
        ("free 1", [last(refused(ErrorCode.CORRUPT, "what?"))], "CORRUPT 0 what?"),
        ("free 1", [last(refused(ErrorCode.BUSY, "full"))], "BUSY 0 full"),
    ],
)
def test_a_server_that_dies_on_the_way(
    built: Build, request_line: str, script: list[Step], outcome: str
) -> None:
    with serving(*script) as server, built.connected(server.address.port) as call:
        assert call(request_line) == f"-1 {outcome}"
        assert call("ping").split()[1] == "CLOSED"


@pytest.mark.parametrize("says_goodbye", [False, True], ids=["ECONNRESET", "EPIPE"])
def test_a_write_that_was_not_sent_whole_was_not_carried_out(
    built: Build, says_goodbye: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        program = subprocess.Popen(
            [built.calls, "127.0.0.1", str(listener.getsockname()[1]), str(TIMEOUT_MS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with program, listener.accept()[0] as peer:
            assert program.stdin is not None
            program.stdin.write(f"write 1 0 {16 * MIB}\nping\n")
            program.stdin.flush()
            peer.recv(1, socket.MSG_PEEK)
            if says_goodbye:
                peer.shutdown(socket.SHUT_WR)
            peer.close()
            output = program.communicate(timeout=DEADLINE_SECONDS)[0].splitlines()

    assert output[0] == "0 OK 0 "
    assert output[1].startswith("-1 NETWORK 0 ")
    assert output[2].split()[1] == "CLOSED"


@pytest.mark.parametrize(
    ("request_line", "outcome"),
    [
        ("read 1 0 5", "TIMEOUT 0 the server took too long"),
        ("write 1 0 5", "OUTCOME_UNKNOWN 0 outcome unknown: the server took too long"),
    ],
)
def test_a_server_that_says_nothing(built: Build, request_line: str, outcome: str) -> None:
    with serving(raw(b"")) as server:
        with built.connected(server.address.port, SHORT_TIMEOUT_MS) as call:
            assert call(request_line) == f"-1 {outcome}"
            assert call("ping").split()[1] == "CLOSED"


def test_a_refusal_in_the_middle_of_a_range_takes_the_replies_behind_it(built: Build) -> None:
    piece = ok(size=16 * MIB)
    script = [ok(), piece, refused(ErrorCode.NOT_FOUND, "freed meanwhile"), piece, piece, pong]
    with serving(*script) as server, built.connected(server.address.port) as call:
        assert call(f"fill 1 0 5 {64 * MIB}") == f"-1 NOT_FOUND {16 * MIB} freed meanwhile"
        assert call("ping") == "0 OK 0"
    assert server.seen[-1].startswith("PING")


def test_the_text_of_a_refusal_is_harmless(built: Build) -> None:
    long = "é" * 600
    script = [
        refused(ErrorCode.INVALID, "red\x1b[31m\r\nbell\x07 \x9bé"),
        refused(ErrorCode.INVALID, long),
        refused(ErrorCode.INVALID, "x" + long),
    ]
    with serving(*script) as server, built.connected(server.address.port) as call:
        assert call("free 1") == "-1 INVALID 0 red?[31m??bell? ??é"
        assert call("free 1") == f"-1 INVALID 0 {'é' * 255}"
        assert call("free 1") == f"-1 INVALID 0 x{'é' * 254}"
