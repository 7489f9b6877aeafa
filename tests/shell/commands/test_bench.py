"""Measuring a real daemon, and leaving nothing behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ether_protocol import Client
from ether_shell.commands.bench import Measured, bench
from harness import Etherd, until
from shell.conftest import Talk
from shell.fake_server import after_hello, closing, fake_server
from shell.screen import Screen


def test_so_many_requests_of_each_kind(etherd: Etherd, client: Client, talk: Talk) -> None:
    shell = talk(etherd.address, as_json=True)
    said = [json.loads(line) for line in shell.run("bench --requests 50 --size 8KiB").out.split()]
    assert [(s["verb"], s["size"], s["requests"], s["whole"]) for s in said] == [
        ("ping", 4096, 50, True),
        ("read", 8192, 50, True),
        ("write", 8192, 50, True),
    ]
    for each in said:
        assert 0 < each["p50_us"] <= each["p90_us"] <= each["p99_us"] <= each["max_us"]
        assert sum(row["requests"] for row in each["histogram"]) == 50
    assert client.list() == (0, [])
    stats = client.stats()
    assert (stats["requests_read"], stats["requests_write"]) == (50, 50)


def test_so_many_seconds(etherd: Etherd, talk: Talk) -> None:
    out = talk(etherd.address).run("bench read --seconds 0.05").out
    heading, percentiles, *rows = out.splitlines()
    assert heading.startswith("read 64 B: ")
    assert [word for word in percentiles.split() if word[0] in "pm" and word != "ms"] == [
        "p50", "p90", "p99", "p99.9", "max",
    ]  # fmt: skip
    assert all("≤" in row for row in rows)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("bench --requests 1 --seconds 1", "exclude each other"),
        ("bench --size 0", "one request carries 1 to"),
        ("bench --size 17MiB", "one request carries 1 to"),
        ("bench alloc", "'alloc' is not one of ping, read, write"),
        ("bench --requests 0", "is not a count"),
    ],
)
def test_what_can_not_be_measured(etherd: Etherd, talk: Talk, line: str, says: str) -> None:
    said = talk(etherd.address).run(line)
    assert says in said.err
    assert said.status == 2


def test_its_block_goes_when_nobody_takes_the_results(
    etherd: Etherd, client: Client, talk: Talk
) -> None:
    shell = talk(etherd.address)
    results = bench(shell.context, ["ping"], 64, 1, None)
    assert isinstance(next(results), Measured)
    assert client.list()[0] == 1
    results.close()
    assert client.list()[0] == 0


def test_a_server_that_goes_away_is_said(talk: Talk) -> None:
    with fake_server(after_hello(closing)) as address:
        said = talk(address).run("bench")
    assert said.status in (3, 4)


CTRL_C, ENTER = "\x03", "\r"


def test_bench_is_stopped_politely(etherd: Etherd, client: Client, home: Path) -> None:
    with Screen(etherd.address, home=home) as screen:
        screen.is_asked("0 blocks")
        screen.type("alloc 5 --session" + ENTER)
        screen.is_asked("1 block, 5 B")
        screen.type("bench --seconds 60" + ENTER)
        until(lambda: client.stats().get("requests_ping", 0) > 100, "it measures")
        screen.type(CTRL_C)
        screen.is_asked("a second, stopped", "p99.9", "1 block, 5 B")
        assert client.list() == (1, [(1, 5)])  # the connection lives, and its block with it
