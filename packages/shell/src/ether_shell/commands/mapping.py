"""The command that shows all blocks as a picture: map.

Rule: sizes and owners only; how many cells a block gets is the view's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ether_shell.context import Context
from ether_shell.language.declaration import Command, Example, Option, Result, Results

from .live import rounds

WATCH_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Share:
    """One block in the picture; an `own` one was made by this shell."""

    handle: int
    size: int
    own: bool


@dataclass(frozen=True, slots=True)
class Mapped(Result):
    """All blocks in the order of their handles, and the bytes used of those that may be.

    The limit is 0 where there is none.
    """

    used_bytes: int
    limit_bytes: int
    blocks: tuple[Share, ...]


def map_(context: Context, watch: bool) -> Results:
    """The blocks as they are now, or again and again."""
    if watch:
        yield from rounds(context, WATCH_SECONDS, "map", lambda: (_mapped(context),))
    else:
        yield _mapped(context)


def _mapped(context: Context) -> Mapped:
    client, own = context.client, context.session.made
    blocks = tuple(Share(handle, size, handle in own) for handle, size in client.blocks())
    stats = client.stats()
    return Mapped(stats.get("used_bytes", 0), stats.get("limit_bytes", 0), blocks)


MAP: Final = Command(
    "map",
    "all blocks as a picture, in proportion",
    map_,
    options=(Option("watch", "again every second, until Ctrl-C", lasting=True),),
    examples=(Example("map", "who holds the memory?"),),
    detail="Each block has as many cells as it has of all bytes; blocks beside each other are "
    "drawn in two shades. Those that this shell has made are █ and ▓, and * stands before the "
    "handle. Where nothing can be drawn, with --plain or into a pipe, it is a list.",
)
