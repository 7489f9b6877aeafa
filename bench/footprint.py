"""What servers cost: bytes for each block and connection, time to start, longest pauses.

Rule: every function measures one thing once, on servers without history.
Rounds and ratios are made by the caller.
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
from contextlib import ExitStack, suppress
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from cases import KIB
from dialects import Ether, Redis, WireExchange
from load import Load
from servers import OWN_ETHERD, MeasuredServer, servers

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
"""Blocks that are freed before the one block that is left: Python keeps integers up to 256
ready, which would favour a daemon with such small handles."""


def bytes_per_block(limit_program: Path) -> Measured:
    """Resident bytes for each of a million 64-byte blocks that were written."""
    measured: Measured = {}
    with servers(["etherd", "redis", "memcached"], limit_program) as running:
        for server in running:
            measured[server.name] = bytes_per_block_of(server, MILLION)
    return measured


def bytes_per_block_of(server: MeasuredServer, count: int) -> float:
    """Resident bytes for each of `count` 64-byte blocks of a server that had none."""
    before = server.resident_bytes
    _make_blocks(server, count)
    return (server.resident_bytes - before) / count


def bytes_per_idle_connection(limit_program: Path) -> Measured:
    """Resident bytes for each of 10,000 connections on which one PING was answered."""
    measured: Measured = {}
    with servers(["etherd", "redis"], limit_program) as running:
        for server in running:
            measured[server.name] = bytes_per_idle_connection_of(server, IDLE_CONNECTIONS)
    return measured


def bytes_per_idle_connection_of(server: MeasuredServer, count: int) -> float:
    """Resident bytes for each of `count` connections on which one PING was answered."""
    ping = server.dialect.ping()
    if ping is None:
        raise ValueError(f"{server.name} has no PING")
    before = server.resident_bytes
    with ExitStack() as connections:
        for _ in range(count):
            sock = connections.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            sock.sendall(ping.request)
            sock.recv(ping.reply_bytes)
        return (server.resident_bytes - before) / count


def seconds_to_first_pong() -> Measured:
    """From exec to the first answer to a PING."""
    measured = {"etherd": etherd_seconds_to_first_pong(OWN_ETHERD)}
    redis = ["redis-server", "--save", "", "--bind", "127.0.0.1", "--port"]
    with suppress(FileNotFoundError):
        measured["redis"] = _time_to_answer(redis, b"PING\r\n")
    return measured


def etherd_seconds_to_first_pong(program: str) -> float:
    """The same of one etherd."""
    command = [program, "--host", "127.0.0.1", "--port"]
    return _time_to_answer(command, encode(Message(Command.PING)))


def reads_among(
    blocks: int, of_one: bool, load: Load, limit_program: Path, seconds: float
) -> Measured:
    """Requests a second of 64-byte READs, of one block or of random ones, 16 × 64.

    Each server has `blocks` blocks; `one` is a daemon that has a single block left.
    The turns are short, so that a slow moment of the machine hits all servers.
    """
    numbers = [blocks // 2] if of_one else _random_numbers(blocks)
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


def random_reads_of(server: MeasuredServer, blocks: int, load: Load, seconds: float) -> float:
    """64-byte READs a second of random blocks of a server that had none, 16 × 64."""
    _make_blocks(server, blocks)
    exchange, length = _reads(server, _random_numbers(blocks))
    return load.run(server, exchange, 16, 64, seconds, request_bytes=length).requests_per_second


def _random_numbers(blocks: int) -> list[int]:
    return random.Random(blocks).choices(range(blocks), k=min(blocks * 4, 200_000))


def _reads(server: MeasuredServer, numbers: list[int]) -> tuple[WireExchange, int]:
    """READs of the blocks of `_make_blocks`, by number, and the length of each request."""
    if isinstance(server.dialect, Redis):
        requests = [b"*2\r\n$3\r\nGET\r\n$8\r\n%08d\r\n" % number for number in numbers]
        exchange = WireExchange(b"".join(requests), len(b"$64\r\n\r\n") + BLOCK_BYTES, b"$64\r\n")
    else:
        requests = [encode(Message(Command.READ, n + 1, BLOCK_BYTES)) for n in numbers]
        exchange = WireExchange(b"".join(requests), 40 + BLOCK_BYTES, b"\xe7\xe7\xe7\xe7\x02\xf0")
    return exchange, len(requests[0])


def allocs_and_frees_among(
    blocks: int, load: Load, limit_program: Path, seconds: float
) -> Measured:
    """ALLOCs and FREEs a second, each awaited, 32 connections, beside `blocks` live blocks."""
    measured: Measured = {}
    with servers(["etherd", "redis"], limit_program) as running:
        for server in running:
            _make_blocks(server, blocks)
            measured[server.name] = allocs_and_frees_of(server, load, 32, seconds)
    return measured


def allocs_and_frees_of(
    server: MeasuredServer, load: Load, connections: int, seconds: float
) -> float:
    """ALLOCs and FREEs a second of one server, each awaited."""
    if isinstance(server.dialect, Redis):
        # Two commands of one length whose replies have one length, too.
        pair = b"SETRANGE k 8 x\r\n" + b"DEL k         \r\n"
        exchange, patch = WireExchange(pair, 4, b":"), None
    else:
        pair = encode(Message(Command.ALLOC, size=BLOCK_BYTES)) + encode(Message(Command.FREE))
        exchange, patch = WireExchange(pair, 40, b"\xe7\xe7\xe7\xe7\x02\xf0"), (8, 8)
    length = len(pair) // 2
    figures = load.run(server, exchange, connections, 1, seconds, request_bytes=length, patch=patch)
    return figures.requests_per_second


def longest_ping_during(free: bool, limit_program: Path) -> float:
    """Milliseconds of the slowest PING while another client FREEs a written GiB, or is idle."""
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


def _make_blocks(server: MeasuredServer, count: int) -> None:
    """Make `count` blocks of 64 bytes, and write each, on a server that never had one."""
    data = b"\xab" * BLOCK_BYTES
    if isinstance(server.dialect, Ether):
        one = encode(Message(Command.ALLOC, size=BLOCK_BYTES))
        _pipeline(server, (one for _ in range(count)), 40)
        _pipeline(
            server,
            (encode(Message(Command.WRITE, h, payload=data)) for h in range(1, count + 1)),
            40,
        )
    elif isinstance(server.dialect, Redis):
        sets = (b"*3\r\n$3\r\nSET\r\n$8\r\n%08d\r\n$64\r\n%s\r\n" % (n, data) for n in range(count))
        _pipeline(server, sets, len(b"+OK\r\n"))
    else:
        sets = (b"set %08d 0 0 64\r\n%s\r\n" % (n, data) for n in range(count))
        _pipeline(server, sets, len(b"STORED\r\n"))


def _pipeline(server: MeasuredServer, requests: Iterator[bytes], reply_bytes: int) -> None:
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
    """The installed Redis, or "not installed"."""
    return _version(["redis-server", "--version"], r"v=([\d.]+)")


def memcached_version() -> str:
    """The installed memcached, or "not installed"."""
    return _version(["memcached", "--version"], r"([\d.]+)$")


def _version(command: list[str], pattern: str) -> str:
    try:
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "not installed"
    found = re.search(pattern, output.strip())
    return found[1] if found else "unknown"
