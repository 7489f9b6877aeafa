"""Commands about blocks as wholes: alloc, free, realloc, info, list.

Rule: what a block holds is no business of this file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from ether_protocol import AllocFlag, Client, NotFound, format_size
from ether_shell.context import Context
from ether_shell.language.declaration import Argument, Command, Example, Option, Result, Results
from ether_shell.language.values import HANDLE, SIZE
from ether_shell.problems import Misuse

from .arguments import BLOCK
from .consent import agree

_LISTED_ON_TERMINAL: Final = 100
_NOTHING_FREED: Final = "nothing was freed"


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
class FreedAll(Result):
    """All blocks there were are gone: so many, and so many bytes."""

    count: int
    size: int


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
    context.session.allocated(block.handle, size)
    yield Allocated(block.handle, size)


def free(context: Context, handle: list[int], all: bool) -> Results:
    """Free blocks, in the order named; the first that can't be freed stops."""
    if all:
        yield from _free_all(context, handle)
        return
    foreign = [each for each in handle if each not in context.session.made]
    if len(handle) > 1:
        agree(context, f"free {len(handle)} blocks?", _NOTHING_FREED)
    elif foreign and context.interactive:
        agree(context, f"block {handle[0]} was not made in this session: free?", _NOTHING_FREED)
    for each in handle:
        context.client.free(each)
        context.session.freed(each)
        yield Freed(each)


def _free_all(context: Context, handle: list[int]) -> Results:
    if handle:
        raise Misuse("free --all takes no handles")
    if context.unattended:
        raise Misuse("free --all asks first, and nobody is here to answer: -y says yes")
    every = list(context.client.blocks())
    total = sum(size for _, size in every)
    what = f"all {len(every):,} blocks of the server, {format_size(total)}"
    if every:
        agree(context, f"free {what}?", _NOTHING_FREED)
    for each, _ in every:
        with suppress(NotFound):  # somebody else was quicker
            context.client.free(each)
        context.session.freed(each)
    yield FreedAll(len(every), total)


def realloc(context: Context, handle: int, size: int) -> Results:
    """Another size for a block."""
    if context.interactive and handle not in context.session.made:
        _ask_before_cutting(context, handle, size)
    now = context.client.realloc(handle, size)
    context.session.resized(handle, now)
    yield Resized(handle, now)


def _ask_before_cutting(context: Context, handle: int, size: int) -> None:
    try:
        cut = context.client.info(handle).size - size
    except NotFound:
        return  # REALLOC says so itself
    if cut > 0:
        question = f"block {handle} was not made in this session: cut off {cut:,} bytes?"
        agree(context, question, "nothing was changed")


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
    gives="handle",
)
FREE: Final = Command(
    "free",
    "free and wipe blocks",
    free,
    (Argument("handle", HANDLE, "one block or more", repeated=True),),
    (Option("all", "every block of the server, whoever made it", instead=True),),
    (Example("free $_", "the last one made"),),
    "At the prompt the shell asks before it frees several blocks, or one that this session "
    "did not make. free --all asks everywhere, and where nobody can answer it needs -y.",
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
    detail="At the prompt the shell asks before it cuts a block that this session did not make.",
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
