"""Every command of the shell, in the sections in which `help` shows them.

Rule: one line per command; what it does is in the file of its theme.
"""

from __future__ import annotations

from typing import Final

from ether_shell.language.declaration import Catalogue, Section

from . import (
    atomics,
    auth,
    bench,
    block_map,
    blocks,
    comparing,
    examine,
    files,
    help,
    own,
    reading,
    server,
    top,
    tracing,
    variables,
    watching,
    writing,
)

FOREIGN_NAMES: Final = {
    "calloc": "alloc",
    "cas": "swap",
    "del": "free",
    "delete": "free",
    "get": "read",
    "getrange": "read",
    "incr": "add",
    "incrby": "add",
    "keys": "list",
    "malloc": "alloc",
    "memcpy": "copy",
    "memset": "fill",
    "monitor": "trace",
    "peek": "read",
    "poke": "write",
    "print": "x",
    "resize": "realloc",
    "scan": "list",
    "set": "write",
    "setrange": "write",
}
"""Names of commands in C, Redis, memcached and gdb, and what they are called here."""

COMMANDS: Final = Catalogue(
    Section(
        "Blocks",
        blocks.ALLOC,
        blocks.FREE,
        blocks.REALLOC,
        blocks.INFO,
        blocks.LIST,
        block_map.MAP,
    ),
    Section(
        "Bytes",
        writing.WRITE,
        reading.READ,
        examine.X,
        writing.FILL,
        writing.COPY,
        atomics.SWAP,
        atomics.ADD,
    ),
    Section(
        "Changes",
        watching.WATCH,
        comparing.SNAP,
        comparing.DIFF,
    ),
    Section(
        "Files",
        files.LOAD,
        files.DUMP,
    ),
    Section(
        "Server",
        server.PING,
        server.HELLO,
        auth.AUTH,
        server.STATS,
        top.TOP,
        bench.BENCH,
    ),
    Section(
        "Shell",
        tracing.TRACE,
        variables.LET,
        variables.UNSET,
        own.MINE,
        own.UNDO,
        help.HELP,
        help.QUIT,
    ),
    foreign_names=FOREIGN_NAMES,
)
