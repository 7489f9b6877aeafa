"""The scenes of the pictures in docs/pictures, played in the real shell.

Rule: one entry per scene; how it is played and drawn is decided in `pictures.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

QUESTION = "[y/N]"
ENTER, TAB, RIGHT, F1, CTRL_C, CTRL_D = "\r", "\t", "\x1b[C", "\x1bOP", "\x03", "\x04"


@dataclass(frozen=True, slots=True)
class Scene:
    """Keys, each with the text that must appear before the next are pressed.

    `files` are in the folder in which the shell runs. `config` is its shell.toml, in which
    ADDRESS is replaced. `others` are commands that another shell runs before. A scene that
    `ends` leaves the shell.
    """

    name: str
    title: str
    steps: tuple[tuple[str, str], ...]
    arguments: tuple[str, ...] = ()
    columns: int = 84
    lines: int = 16
    files: Mapping[str, bytes] = field(default_factory=dict)
    config: str = ""
    others: tuple[str, ...] = ()
    ends: bool = False


def _line(text: str, seen: str) -> tuple[str, str]:
    return text + ENTER, seen


SCENES: tuple[Scene, ...] = (
    Scene(
        "first",
        "A first session",
        (
            _line("alloc 4096", "handle 1"),
            _line(r'write $_ "hello, remote memory\n"', "wrote 21 B"),
            _line("read $_ 48", "remote memory"),
        ),
    ),
    Scene(
        "completion",
        "Tab offers live handles with their sizes",
        (_line("alloc 64KiB", "handle 1"), _line("alloc 512", "handle 2"), ("read ", "$_")),
    ),
    Scene(
        "typing",
        "The hint, the length of DATA in the toolbar",
        (_line("alloc 64", "handle 1"), (r'write 1 "a\x00\xff\n"', "DATA 4 B")),
    ),
    Scene(
        "wrong",
        "Errors are red while you type, and have a caret afterwards",
        (
            _line("write 1 hex:dead bee", "one is missing"),
            ("reed 1 ", "did you mean read?"),
        ),
    ),
    Scene("keys", "F1 lists the keys", ((F1, "vi keys, and back"),), lines=18),
    Scene(
        "help",
        "Help on a command",
        (_line("help load", "# into an existing block"),),
        lines=26,
    ),
    Scene(
        "variables",
        "Variables",
        (
            _line("let page = alloc 4096", "handle 1"),
            _line("let half = 2KiB", "2048"),
            _line("write $page hello --at $half", "wrote 5 B"),
            _line("let", "$page"),
        ),
    ),
    Scene(
        "files",
        "Files into blocks and back",
        (
            _line("load picture.png", "which is new"),
            _line("dump $_ copy.png", "dumped"),
        ),
        files={"picture.png": bytes(range(256)) * 64},
    ),
    Scene(
        "undo",
        "A question before bytes of others are overwritten, and undo",
        (
            _line("write 1 hello", QUESTION),
            ("y\n", "wrote 5 B"),
            _line("undo", "as they were"),
            _line("read 1", "precious"),
        ),
        others=("alloc 32", 'write 1 "precious data"'),
    ),
    Scene(
        "leaving",
        "Ctrl-D offers to free the blocks of the session",
        (
            _line("alloc 1MiB", "handle 1"),
            _line("alloc 4096", "handle 2"),
            (CTRL_D, QUESTION),
            ("y\n", "freed 2 blocks"),
        ),
        ends=True,
    ),
    Scene(
        "production",
        "A production server is marked in red and in words",
        (_line("list", "no blocks"),),
        arguments=("prod",),
        config='[profiles.prod]\nurl = "ether://ADDRESS"\nproduction = true\n',
    ),
    Scene(
        "examine",
        "x examines memory as gdb does",
        (
            _line("alloc 64", "handle 1"),
            _line(r'write 1 "Ether\x00\x01\x02\xfe\xff"', "wrote 10 B"),
            _line("x/32xb 1", "00000010"),
        ),
    ),
    Scene(
        "trace",
        "Every message, field by field",
        (
            _line("alloc 64", "handle 1"),
            _line("trace on", "trace is on"),
            _line("write 1 hello --at 16", "wrote 5 B"),
        ),
        lines=44,
    ),
    Scene(
        "map",
        "All blocks in proportion",
        (
            _line("alloc 64KiB", "handle 1"),
            _line("alloc 24KiB", "handle 2"),
            _line("alloc 8KiB", "handle 3"),
            _line("map", "96.0 KiB"),
        ),
        lines=24,
    ),
    Scene(
        "diff",
        "What has changed since a snapshot",
        (
            _line("alloc 64", "handle 1"),
            _line("write 1 hello", "wrote 5 B"),
            _line("snap 1", "1"),
            _line("write 1 jelly", "wrote 5 B"),
            _line("diff 1", "jelly"),
        ),
    ),
    Scene(
        "watch",
        "What has changed since the last round",
        (("watch 1 stats" + ENTER, "round 3"),),
        others=("alloc 64KiB",),
        lines=32,
        ends=True,
    ),
    Scene(
        "top",
        "The server's state on the full screen",
        (("top 1" + ENTER, "up 3 s"),),
        others=("alloc 256KiB", "alloc 96KiB", "alloc 4KiB"),
        lines=24,
        ends=True,
    ),
    Scene(
        "bench",
        "The latency of the server",
        (_line("bench ping --requests 2000", "p99.9"),),
        lines=18,
    ),
)
"""In the order of docs/shell.md."""
