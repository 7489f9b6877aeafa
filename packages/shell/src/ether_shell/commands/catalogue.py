"""Every command of the shell, in the order in which `help` shows them.

Rule: one line a command; what it is stands in the file of its theme.
"""

from __future__ import annotations

from typing import Final

from ether_shell.language.declaration import Catalogue

from . import (
    atomics,
    bench,
    blocks,
    comparing,
    examine,
    files,
    guide,
    live,
    mapping,
    reading,
    server,
    top,
    writing,
)

COMMANDS: Final = Catalogue(
    (
        server.PING,
        server.HELLO,
        server.STATS,
        top.TOP,
        blocks.ALLOC,
        writing.WRITE,
        reading.READ,
        examine.X,
        comparing.SNAP,
        comparing.DIFF,
        live.WATCH,
        blocks.FREE,
        blocks.REALLOC,
        blocks.INFO,
        blocks.LIST,
        mapping.MAP,
        writing.FILL,
        writing.COPY,
        atomics.SWAP,
        atomics.ADD,
        bench.BENCH,
        files.LOAD,
        files.DUMP,
        guide.HELP,
        guide.QUIT,
    )
)
