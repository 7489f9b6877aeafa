"""The whole screen: keys through prompt_toolkit's pipe, pictures on a real terminal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from ether_protocol import Client
from ether_shell.commands.server import Pong
from ether_shell.terminal.fullscreen import FullScreenDisplay
from ether_shell.views.renderer import View
from harness import Etherd, StartEtherd, until
from shell.screen import Screen

ENTER, CTRL_D = "\r", "\x04"


@contextmanager
def keyboard() -> Iterator[PipeInput]:
    with create_pipe_input() as keys:
        yield keys


@pytest.mark.parametrize("key", ["q", "Q", "\x03", "\x04"])
def test_keys_that_leave(key: str) -> None:
    given_up: list[bool] = []
    with keyboard() as keys:
        keys.send_text("x" + key)
        screen = FullScreenDisplay(lambda: Pong(1.0), 60, View, keys=keys, screen=DummyOutput())
        screen.run(lambda: given_up.append(True))
    assert given_up == []


def test_q_does_not_wait_for_a_server_that_says_nothing() -> None:
    answered = threading.Event()

    def look() -> Pong:
        answered.wait()
        return Pong(1.0)

    with keyboard() as keys:
        keys.send_text("q")
        FullScreenDisplay(look, 60, View, keys=keys, screen=DummyOutput()).run(answered.set)
    assert answered.is_set()


def test_top_fills_the_screen_until_q(etherd: Etherd, client: Client, home: Path) -> None:
    with Screen(etherd.address, home=home) as screen:
        screen.is_asked("0 blocks")
        screen.type("top 0.1" + ENTER)
        screen.sees("etherd 0.1.0 at", "2 clients", "largest of 0 blocks", "q leaves")
        client.alloc(4096)
        screen.sees("largest of 1 block", "4.0 KiB  ███", "memory  4.0 KiB of")
        screen.resize(12, 60)
        screen.sees("largest of 1 block", "q leaves")
        assert max(len(line) for line in screen.lines) <= 60
        screen.resize(30, 100)
        screen.type("q")
        screen.type("ping" + ENTER)
        screen.is_asked("pong")
        screen.type(CTRL_D)
        assert screen.ends() == 0


def test_top_without_colour(etherd: Etherd, home: Path) -> None:
    with Screen(etherd.address, "-c", "top", home=home, env={"NO_COLOR": "1"}) as screen:
        screen.sees("requests a second", "q leaves")
        screen.type("q")
        assert screen.ends() == 0
        assert b"\x1b[0;36m" not in screen.raw


def test_top_outlives_its_server(start_etherd: StartEtherd, home: Path) -> None:
    first = start_etherd()
    with Screen(first.address, home=home) as screen:
        screen.is_asked("0 blocks")
        screen.type("top 0.1" + ENTER)
        screen.sees("q leaves")
        first.process.kill()
        first.wait()
        screen.sees("Connection refused; trying again")
        second = start_etherd("--port", str(first.port))
        until(lambda: "trying again" not in screen.shown(), "it is there again")
        assert second.port == first.port
        screen.type("q")
        screen.is_asked(f"connected to {first.address} again")
