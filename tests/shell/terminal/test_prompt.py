"""Keys through prompt_toolkit's own pipe, in the test's process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from ether_protocol import Address
from ether_shell.commands.catalogue import COMMANDS
from ether_shell.session.session import KnownBlocks, ShellSession
from ether_shell.settings import PromptSettings
from ether_shell.terminal.prompt import prompt_reader
from harness import Etherd
from shell.screen import Screen


@contextmanager
def keyboard() -> Iterator[PipeInput]:
    with create_pipe_input() as keys:
        yield keys


def session() -> ShellSession:
    session = ShellSession(Address("localhost"), None, lambda _: None)
    session.blocks = KnownBlocks(2, {7: 64, 42: 4096})
    return session


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("ping\r", "ping"),
        ("al\t4KiB\r", "alloc 4KiB"),
        ("free 4\t7\r", "free 42 7"),
        ("read 7 --as te\t--al\t\r", "read 7 --as text --all "),
        ("read 7 --a\ts\t\r", "read 7 --as "),
        ("write 7 he\tff\r", "write 7 hex:ff"),
        ("al 64\x1b[D\x1b[D\x1b[D\t\r", "alloc 64"),
        ("alloc 99\x7f\x7f64\r", "alloc 64"),
        ("read 7 \x15ping\r", "ping"),
        ("\r", ""),
    ],
)
def test_keys_make_a_line(home: Path, typed: str, line: str) -> None:
    with keyboard() as keys:
        read_line = prompt_reader(session(), COMMANDS, keys=keys, screen=DummyOutput())
        keys.send_text(typed)
        assert read_line() == line


def test_the_line_before_comes_back(home: Path) -> None:
    with keyboard() as keys:
        read_line = prompt_reader(session(), COMMANDS, keys=keys, screen=DummyOutput())
        keys.send_text("alloc 64\r")
        assert read_line() == "alloc 64"
        keys.send_text("\x1b[A\r")
        assert read_line() == "alloc 64"


@pytest.mark.parametrize(
    ("settings", "typed", "line"),
    [
        (PromptSettings(vi=True), "ping\x1b0xi\r", "ing"),
        (PromptSettings(), "\x1bOSping\x1b0x\r", "ing"),  # F4
        (PromptSettings(), "pi\x1bOPng\r", "ping"),  # F1
        (PromptSettings(menu=False, hints=False, validation=False, toolbar=False), "re\t\r", "rea"),
    ],
)
def test_what_can_be_switched(home: Path, settings: PromptSettings, typed: str, line: str) -> None:
    with keyboard() as keys:
        read_line = prompt_reader(session(), COMMANDS, settings, keys=keys, screen=DummyOutput())
        keys.send_text("alias 1\r")
        assert read_line() == "alias 1"
        for key in typed:
            keys.send_text(key)
        assert read_line() == line


@pytest.mark.parametrize(("key", "error"), [("\x03", KeyboardInterrupt), ("\x04", EOFError)])
def test_the_keys_that_end_a_line(home: Path, key: str, error: type[BaseException]) -> None:
    with keyboard() as keys:
        read_line = prompt_reader(session(), COMMANDS, keys=keys, screen=DummyOutput())
        keys.send_text(key)
        with pytest.raises(error):
            read_line()


ENTER = "\r"


def test_enter_goes_on_where_x_ended(etherd: Etherd, home: Path) -> None:
    with Screen(etherd.address, home=home) as screen:
        screen.is_asked("0 blocks")
        screen.type("alloc 64" + ENTER + 'write 1 "abcdefgh"' + ENTER + "x/4xb $_" + ENTER)
        screen.sees("00000000  61 62 63 64  │abcd│", "> x/4xb 1+0x4\n")  # faintly, what Enter does
        screen.type(ENTER)
        screen.sees("00000004  65 66 67 68  │efgh│", "> x/4xb 1+0x8\n")
        screen.type(ENTER)
        screen.sees("00000008  00 00 00 00  │⋄⋄⋄⋄│")
        screen.type("ping" + ENTER)
        screen.is_asked("pong")
        assert screen.text.count("x/4xb") == 1  # a hint does not stay behind
