"""What servers cost beside time for a request: bytes a block, bytes a connection, time to start.

Rule: every function measures one thing once, on fresh servers, and returns it
by server name; rounds and ratios are the caller's.
"""

from __future__ import annotations

import os
import pty
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from cases import KIB
from dialects import Exchange
from load import Load
from servers import Server, servers

from ether_protocol import Client, connect
from ether_protocol.wire.codec import encode
from ether_protocol.wire.constants import Command
from ether_protocol.wire.messages import Message

Measured = dict[str, float]

MILLION = 1_000_000
BLOCK_BYTES = 64
IDLE_CONNECTIONS = 10_000
GIB = 1024 * 1024 * KIB
_BATCH = 1000
_TURNS = 6
_FREED = 999
"""Blocks before the one of a daemon that has one: Python keeps integers up to 256 ready,
and a daemon whose handles are that small has not lived long."""


def bytes_per_block(limit_program: Path) -> Measured:
    """Resident bytes for each of a million 64-byte blocks that hold something."""
    measured: Measured = {}
    with servers(["etherd", "redis", "memcached"], limit_program) as running:
        for server in running:
            before = server.resident_bytes
            _make_blocks(server, MILLION)
            measured[server.name] = (server.resident_bytes - before) / MILLION
    return measured


def bytes_per_idle_connection(limit_program: Path) -> Measured:
    """Resident bytes for each of 10,000 connections on which one PING was answered."""
    measured: Measured = {}
    with servers(["etherd", "redis"], limit_program) as running:
        for server in running:
            ping = server.dialect.ping()
            if ping is None:
                continue
            before = server.resident_bytes
            connections = []
            for _ in range(IDLE_CONNECTIONS):
                sock = socket.create_connection(("127.0.0.1", server.port))
                sock.sendall(ping.request)
                sock.recv(ping.reply_bytes)
                connections.append(sock)
            measured[server.name] = (server.resident_bytes - before) / len(connections)
            for sock in connections:
                sock.close()
    return measured


def seconds_to_first_pong() -> Measured:
    """From exec to the first answer to a PING."""
    etherd = [str(Path(sys.executable).parent / "etherd"), "--host", "127.0.0.1", "--port"]
    redis = ["redis-server", "--save", "", "--bind", "127.0.0.1", "--port"]
    measured: Measured = {}
    for name, command in (("etherd", etherd), ("redis", redis)):
        ping = encode(Message(Command.PING)) if name == "etherd" else b"PING\r\n"
        with suppress(FileNotFoundError):
            measured[name] = _time_to_answer(command, ping)
    return measured


def reads_among(
    blocks: int, of_one: bool, load: Load, limit_program: Path, seconds: float
) -> Measured:
    """Requests a second of 64-byte READs, of one block or of random ones, 16 × 64.

    There are `blocks` live ones; `one` is a daemon that has a single one left.
    All have turns so short that the machine's moods hit all.
    """
    numbers = random.Random(blocks).choices(range(blocks), k=min(blocks * 4, 200_000))
    if of_one:
        numbers = [blocks // 2]
    measured: Measured = {}
    with (
        servers(["etherd", "redis"], limit_program) as running,
        servers(["etherd"], limit_program) as (alone,),
    ):
        for server in running:
            _make_blocks(server, blocks)
        _make_blocks(alone, _FREED + 1)
        _pipeline(alone, (encode(Message(Command.FREE, h)) for h in range(1, _FREED + 1)), 40)
        asked = {server.name: (server, *_reads(server, numbers)) for server in running}
        asked["one"] = (alone, *_reads(alone, [_FREED]))
        for turn in range(_TURNS):
            for name in sorted(asked, reverse=bool(turn % 2)):
                server, exchange, length = asked[name]
                figures = load.run(server, exchange, 16, 64, seconds / 2, request_bytes=length)
                measured[name] = measured.get(name, 0.0) + figures.requests_per_second / _TURNS
    return measured


def _reads(server: Server, numbers: list[int]) -> tuple[Exchange, int]:
    """READs of the blocks that `_make_blocks` made, by number, and the length of each."""
    if server.name == "redis":
        requests = [b"*2\r\n$3\r\nGET\r\n$8\r\n%08d\r\n" % number for number in numbers]
        exchange = Exchange(b"".join(requests), len(b"$64\r\n\r\n") + BLOCK_BYTES, b"$64\r\n")
    else:
        requests = [encode(Message(Command.READ, n + 1, BLOCK_BYTES)) for n in numbers]
        exchange = Exchange(b"".join(requests), 40 + BLOCK_BYTES, b"\xe7\xe7\xe7\xe7\x02\xf0")
    return exchange, len(requests[0])


def allocs_and_frees_among(
    blocks: int, load: Load, limit_program: Path, seconds: float
) -> Measured:
    """ALLOCs and FREEs a second, each awaited, 32 connections, beside `blocks` live blocks."""
    measured: Measured = {}
    with servers(["etherd", "redis"], limit_program) as running:
        for server in running:
            _make_blocks(server, blocks)
            if server.name == "redis":
                # Two commands of one length whose replies have one length, too.
                pair = b"SETRANGE k 8 x\r\n" + b"DEL k         \r\n"
                exchange, patch = Exchange(pair, 4, b":"), None
            else:
                pair = encode(Message(Command.ALLOC, size=BLOCK_BYTES))
                pair += encode(Message(Command.FREE))
                exchange, patch = Exchange(pair, 40, b"\xe7\xe7\xe7\xe7\x02\xf0"), (8, 8)
            length = len(pair) // 2
            figures = load.run(server, exchange, 32, 1, seconds, request_bytes=length, patch=patch)
            measured[server.name] = figures.requests_per_second
    return measured


def longest_ping_during(free: bool, limit_program: Path) -> float:
    """Milliseconds of the slowest PING while another client FREEs a used gibibyte, or idles."""
    with (
        servers(["etherd"], limit_program) as (server,),
        connect(f"127.0.0.1:{server.port}") as other,
        connect(f"127.0.0.1:{server.port}") as pinger,
    ):
        block = other.alloc(GIB)
        for offset in range(0, GIB, 16 * 1024 * KIB):
            other.fill(block.handle, 0xAA, offset, 16 * 1024 * KIB)
        pinger.ping()
        return _slowest_ping(pinger, block.free if free else lambda: None)


def _slowest_ping(pinger: Client, act: Callable[[], object]) -> float:
    actor = threading.Timer(0.05, act)
    actor.start()
    slowest = 0.0
    until = time.perf_counter() + 0.6
    while (began := time.perf_counter()) < until:
        pinger.ping()
        slowest = max(slowest, time.perf_counter() - began)
    actor.join()
    return slowest * 1000


def _make_blocks(server: Server, count: int) -> None:
    """`count` blocks of 64 bytes with something in them."""
    data = b"\xab" * BLOCK_BYTES
    if server.name == "etherd":
        one = encode(Message(Command.ALLOC, size=BLOCK_BYTES))
        _pipeline(server, (one for _ in range(count)), 40)
        _pipeline(
            server,
            (encode(Message(Command.WRITE, h, payload=data)) for h in range(1, count + 1)),
            40,
        )
    elif server.name == "redis":
        sets = (b"*3\r\n$3\r\nSET\r\n$8\r\n%08d\r\n$64\r\n%s\r\n" % (n, data) for n in range(count))
        _pipeline(server, sets, len(b"+OK\r\n"))
    else:
        sets = (b"set %08d 0 0 64\r\n%s\r\n" % (n, data) for n in range(count))
        _pipeline(server, sets, len(b"STORED\r\n"))


def _pipeline(server: Server, requests: Iterator[bytes], reply_bytes: int) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as sock:
        while batch := list(islice(requests, _BATCH)):
            sock.sendall(b"".join(batch))
            missing = len(batch) * reply_bytes
            while missing:
                chunk = sock.recv(missing)
                if not chunk:
                    raise RuntimeError(f"{server.name} closed the connection")
                missing -= len(chunk)


def seconds_to_the_prompt(limit_program: Path) -> Measured:
    """From exec of `ether-shell` on a terminal to its prompt, connected to a daemon."""
    program = str(Path(sys.executable).parent / "ether-shell")
    with servers(["etherd"], limit_program) as (server,), TemporaryDirectory() as home:
        began = time.perf_counter()
        child, terminal = pty.fork()
        if not child:
            environment = {**os.environ, "HOME": home, "TERM": "xterm-256color"}
            os.execve(program, [program, f"127.0.0.1:{server.port}"], environment)
        shown = b""
        try:
            while f"{server.port}>".encode() not in shown:
                piece = os.read(terminal, 4096)
                if b"\x1b[6n" in piece:
                    os.write(terminal, b"\x1b[1;1R")  # where the cursor is, as a terminal answers
                shown += piece
            return {"etherd": time.perf_counter() - began}
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(terminal)


def _time_to_answer(command: list[str], ping: bytes) -> float:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    began = time.perf_counter()
    process = subprocess.Popen(
        [*command, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            with (
                suppress(ConnectionRefusedError),
                socket.create_connection(("127.0.0.1", port)) as sock,
            ):
                sock.sendall(ping)
                if sock.recv(100):
                    return time.perf_counter() - began
            if process.poll() is not None:
                raise RuntimeError(f"{command} did not start")
            time.sleep(0.001)
    finally:
        process.terminate()
        process.wait()


def redis_version() -> str:
    """What `redis-server --version` says, or that there is none."""
    return _version(["redis-server", "--version"], r"v=([\d.]+)")


def memcached_version() -> str:
    """What `memcached --version` says, or that there is none."""
    return _version(["memcached", "--version"], r"([\d.]+)$")


def _version(command: list[str], pattern: str) -> str:
    try:
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "not installed"
    found = re.search(pattern, output.strip())
    return found[1] if found else "unknown"
