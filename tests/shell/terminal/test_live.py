"""Memory as it changes, on the screen of a real terminal."""

from __future__ import annotations

from pathlib import Path

from ether_protocol import Client
from harness import Etherd, until
from shell.screen import Screen

CTRL_C, ENTER = "\x03", "\r"


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


def test_watch_writes_over_its_own_lines_and_marks_changes(
    etherd: Etherd, client: Client, home: Path
) -> None:
    with Screen(etherd.address, home=home) as screen:
        screen.is_asked("0 blocks")
        screen.type("alloc 16" + ENTER + "watch 0.1 x/4xb 1" + ENTER)
        screen.sees("every 0.1 s: x/4xb 1", "00000000  00 00 00 00  │⋄⋄⋄⋄│")
        client.write(1, b"AB", 1)
        screen.sees("00000000  00 41 42 00  │⋄AB⋄│")  # a round after the change it is nothing new
        assert b">\x1b[7m41\x1b[0m>\x1b[7m42\x1b[0m" in screen.raw
        assert screen.text.count("every 0.1 s") == 1
        screen.type(CTRL_C)
        screen.is_asked("changes in 1 of them")
        screen.type("ping" + ENTER)
        screen.is_asked("pong")


def test_watch_without_colour_still_has_signs(etherd: Etherd, client: Client, home: Path) -> None:
    with Screen(etherd.address, home=home, env={"NO_COLOR": "1"}) as screen:
        screen.is_asked("0 blocks")
        screen.type("watch 0.2 stats" + ENTER)
        screen.sees("every 0.2 s: stats", " >")
        assert b" \x1b[7m" not in screen.raw
        screen.type(CTRL_C)
        screen.is_asked("rounds in")


def test_watch_in_a_script_is_stopped_with_the_script(etherd: Etherd, home: Path) -> None:
    with Screen(etherd.address, "-c", "watch 60 ping", "-c", "alloc 5", home=home) as screen:
        screen.sees("pong")
        screen.type(CTRL_C)
        screen.sees("1 round in")
        assert screen.ends() == 130
        assert "handle 1" not in screen.text


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


def test_the_map_changes_with_the_blocks(etherd: Etherd, client: Client, home: Path) -> None:
    with Screen(etherd.address, home=home) as screen:
        screen.is_asked("0 blocks")
        screen.type("alloc 1000" + ENTER + "map --watch" + ENTER)
        screen.sees("every 1 s: map", "1 block, 1000 B of", "*1████")
        client.alloc(1000)
        screen.sees("2 blocks, 2.0 KiB of", "*1████", "2▒▒▒▒")
        screen.type(CTRL_C)
        screen.is_asked("rounds in")
