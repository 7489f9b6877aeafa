"""Help, and leaving."""

from __future__ import annotations

from shell.conftest import Talk


def test_help_and_quit_need_no_server(talk: Talk) -> None:
    shell = talk("localhost:1")
    assert "alloc SIZE" in shell.run("help").out
    assert shell.run("help read").out.startswith("read HANDLE")
    assert "did you mean read?" in shell.run("help reed").err
    assert shell.run("quit").leave
