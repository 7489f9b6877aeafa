"""How the server's answers look."""

from __future__ import annotations

import pytest

from ether_shell.commands import server
from ether_shell.language.declaration import Result
from ether_shell.views.registry import render
from ether_shell.views.renderer import Note, View

PIPE, TERMINAL = View(), View(terminal=True)


@pytest.mark.parametrize(
    ("result", "terminal", "pipe"),
    [
        (server.Pong(0.1234), ["pong, 0.12 ms"], ["pong, 0.12 ms"]),
        (
            server.Counters({"blocks": 2, "used_bytes": 4096}),
            ["blocks      2", "used_bytes  4096  4.0 KiB"],
            ["blocks      2", "used_bytes  4096  4.0 KiB"],
        ),
    ],
)
def test_what_is_written(
    result: Result, terminal: list[str | bytes | Note], pipe: list[str | bytes | Note]
) -> None:
    assert list(render(result, TERMINAL)) == terminal
    assert list(render(result, PIPE)) == pipe


def test_what_a_server_says_of_itself() -> None:
    greeting = server.ServerIdentity(
        "etherd", "0.1.0", 16 << 20, 1 << 30, 0, False, ("list", "fill")
    )
    assert list(render(greeting, PIPE)) == [
        "server           etherd 0.1.0",
        "largest payload  16.0 MiB (16,777,216 bytes)",
        "memory limit     1.0 GiB (1,073,741,824 bytes)",
        "handle limit     none",
        "authentication   not needed",
        "features         list, fill",
    ]
