"""The command that shows all blocks as a picture: map.

Rule: it knows sizes and owners; how they are drawn is decided in the view.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ether_shell.language.declaration import Example, Option, Result, Results, ShellCommand
from ether_shell.session.context import Context

from .watching import rounds

WATCH_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class BlockShare:
    """One block of the map; an `own` one was made in this session."""

    handle: int
    size: int
    own: bool


@dataclass(frozen=True, slots=True)
class BlockMap(Result):
    """All blocks in the order of their handles; the bytes in use, and the limit (0 for none)."""

    used_bytes: int
    limit_bytes: int
    blocks: tuple[BlockShare, ...]


def map_(context: Context, watch: bool) -> Results:
    """Show the blocks once, or again and again."""
    if watch:
        yield from rounds(context, WATCH_SECONDS, "map", lambda: (_mapped(context),))
    else:
        yield _mapped(context)


def _mapped(context: Context) -> BlockMap:
    client, own = context.client, context.session.made
    blocks = tuple(BlockShare(handle, size, handle in own) for handle, size in client.blocks())
    stats = client.stats()
    return BlockMap(stats.get("used_bytes", 0), stats.get("limit_bytes", 0), blocks)


MAP: Final = ShellCommand(
    "map",
    "draw all blocks in proportion to their sizes",
    map_,
    options=(Option("watch", "draw again every second, until Ctrl-C", runs_until_stopped=True),),
    examples=(Example("map", "who holds the memory?"),),
    detail="Each block takes cells in proportion to its size; neighbours have different shades. "
    "Blocks of this session are █ and ▓ and have * before the handle. With --plain and into a "
    "pipe it is a list.",
)
