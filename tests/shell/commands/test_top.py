"""Looks at a real daemon at work."""

from __future__ import annotations

import json
import re

import pytest

from ether_protocol import Client, ConnectionLost
from ether_shell.commands.top import ServerMonitor, rates
from harness import Etherd, StartEtherd
from shell.conftest import Talk


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        ({}, {}, {}),
        ({"requests_read": 10}, {"requests_read": 30, "blocks": 5}, {"read": 10.0}),
        ({"requests_read": 10}, {"requests_read": 10}, {}),
        ({}, {"requests_fill": 1, "requests_read": 4}, {"read": 2.0, "fill": 0.5}),
        ({"requests_read": 9}, {"requests_read": 1}, {}),
    ],
)
def test_a_rate_is_a_difference(
    before: dict[str, int], now: dict[str, int], found: dict[str, float]
) -> None:
    assert rates(before, now, 2.0) == found
    assert list(rates(before, now, 2.0)) == list(found)


def test_looks_at_a_server(etherd: Etherd, client: Client, talk: Talk) -> None:
    client.alloc(64)
    client.alloc(4096)
    shell = talk(etherd.address, as_json=True)
    first, second, _ = shell.run("top 0.05 --count 2").out.splitlines()
    (looked,) = json.loads(first)["results"]
    assert looked["clients"] == 2
    assert looked["largest"] == [{"handle": 2, "size": 4096}, {"handle": 1, "size": 64}]
    assert looked["requests_per_second"] == {}
    (looked,) = json.loads(second)["results"]
    assert {"stats", "list"} <= set(looked["requests_per_second"])


def test_a_lost_server_is_said_and_tried_again(start_etherd: StartEtherd, talk: Talk) -> None:
    first = start_etherd()
    monitor = ServerMonitor(talk(first.address).context)
    assert monitor.sample_or_last().problem == ""
    used = monitor.sample_or_last().used
    first.process.kill()
    first.wait()
    for _ in range(2):
        lost = monitor.sample_or_last()
    assert "Connection refused" in lost.problem
    assert (lost.used, lost.rates) == (used, {})
    start_etherd("--port", str(first.port))
    assert "was restarted" in monitor.sample_or_last().problem
    back = monitor.sample_or_last()
    assert back.problem == ""
    assert len(back.used) == 1  # another server's memory is another history


def test_a_server_that_is_not_there_is_an_error(start_etherd: StartEtherd, talk: Talk) -> None:
    gone = start_etherd()
    gone.stop()
    shell = talk(gone.address)
    assert shell.run("top --count 2").status == 3
    with pytest.raises(ConnectionLost):
        ServerMonitor(shell.context).sample()


def test_the_whole_screen_is_taken_where_there_is_one(etherd: Etherd, talk: Talk) -> None:
    shell = talk(etherd.address, terminal=True)
    seen: list[float] = []
    shell.context.full_screen = lambda look, seconds: seen.append(seconds)
    assert shell.run("top 0.5").out == ""
    assert seen == [0.5]
    assert re.search("every 0.1 s: top", shell.run("top 0.1 --count 1").out)
    assert seen == [0.5]
