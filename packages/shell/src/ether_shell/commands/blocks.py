"""Commands about blocks as wholes: alloc, free, realloc, info, list.

Rule: what a block holds is no business of this file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ether_protocol import AllocFlag, Client
from ether_shell.context import Context
from ether_shell.language.declaration import Argument, Command, Example, Option, Result, Results
from ether_shell.language.values import HANDLE, SIZE
from ether_shell.problems import Misuse

from .arguments import BLOCK

_LISTED_ON_TERMINAL: Final = 100


@dataclass(frozen=True, slots=True)
class Allocated(Result):
    """A new block of `size` zeroed bytes."""

    handle: int
    size: int


@dataclass(frozen=True, slots=True)
class Freed(Result):
    """A block is gone."""

    handle: int


@dataclass(frozen=True, slots=True)
class Resized(Result):
    """A block now has `size` bytes."""

    handle: int
    size: int


@dataclass(frozen=True, slots=True)
class Described(Result):
    """A block's size in bytes, whether it dies with its connection, and its birth."""

    handle: int
    size: int
    session: bool
    created_ms: int


@dataclass(frozen=True, slots=True)
class Listing(Result):
    """`count` blocks exist; (handle, size) of those asked for, fetched as they are taken."""

    count: int
    blocks: Iterable[tuple[int, int]]


def alloc(context: Context, size: int, session: bool) -> Results:
    """A new block, which `$_` then stands for."""
    block = context.client.alloc(size, session=session)
    context.session.allocated(block.handle)
    yield Allocated(block.handle, size)


def free(context: Context, handle: list[int]) -> Results:
    """Free blocks, in the order named; the first that can't be freed stops."""
    try:
        agreed = len(handle) == 1 or context.confirm(f"free {len(handle)} blocks?")
    except KeyboardInterrupt:
        raise KeyboardInterrupt("nothing was freed") from None
    if not agreed:
        raise Misuse("nothing was freed")
    for each in handle:
        context.client.free(each)
        context.session.freed(each)
        yield Freed(each)


def realloc(context: Context, handle: int, size: int) -> Results:
    """Another size for a block."""
    yield Resized(handle, context.client.realloc(handle, size))


def info(context: Context, handle: int) -> Results:
    """What is known of a block."""
    found = context.client.info(handle)
    session = bool(found.flags & AllocFlag.SESSION)
    yield Described(handle, found.size, session, found.created_ms)


def list_(context: Context, all: bool) -> Results:
    """The blocks that exist; on a terminal not all of very many."""
    if context.guarded and not all:
        count, page = context.client.list(limit=_LISTED_ON_TERMINAL)
        yield Listing(count, page)
        return
    count, page = context.client.list()
    yield Listing(count, page if count <= len(page) else _pages(context.client, page))


def _pages(client: Client, page: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    while page:
        yield from page
        page = client.list(page[-1][0])[1]


ALLOC: Final = Command(
    "alloc",
    "allocate zeroed bytes and get a handle",
    alloc,
    (Argument("size", SIZE, "bytes, with a unit if you like: 4096, 0x1000, 64KiB"),),
    (Option("session", "free the block when this connection ends"),),
    (
        Example("alloc 4096", "$_ is its handle from now on"),
        Example("alloc 64KiB --session", "gone when you leave"),
    ),
    "A block outlives the connection that made it, and anyone who knows its handle "
    "can use it, until it is freed.",
    changes=True,
)
FREE: Final = Command(
    "free",
    "free and wipe blocks",
    free,
    (Argument("handle", HANDLE, "one block or more", repeated=True),),
    examples=(Example("free $_", "the last one made"),),
    changes=True,
)
REALLOC: Final = Command(
    "realloc",
    "change the size of a block, keeping its bytes",
    realloc,
    (BLOCK, Argument("size", SIZE, "the new size in bytes")),
    examples=(
        Example("realloc $_ 8KiB", "what is new is zeroed"),
        Example("realloc $_ 100", "what is cut away is wiped"),
    ),
    changes=True,
)
INFO: Final = Command(
    "info",
    "size, kind and age of a block",
    info,
    (BLOCK,),
    examples=(Example("info $_", "the last one made"),),
)
LIST: Final = Command(
    "list",
    "the blocks that exist, with their sizes",
    list_,
    options=(Option("all", "on a terminal, even more than 100"),),
    examples=(Example("list", "handle and bytes of each"),),
    aliases=("ls",),
)
