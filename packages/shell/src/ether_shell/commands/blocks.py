"""Commands about whole blocks: alloc, free, realloc, info, list.

Rule: the content of a block is not looked at here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from ether_protocol import AllocFlag, Client, NotFound, format_size
from ether_shell.language.declaration import (
    Argument,
    Example,
    Option,
    Result,
    Results,
    ShellCommand,
)
from ether_shell.language.values import HANDLE, SIZE
from ether_shell.operations.confirmation import require_yes
from ether_shell.problems import UsageError
from ether_shell.session.context import Context

from .arguments import BLOCK

_LISTED_ON_TERMINAL: Final = 100
_NOTHING_FREED: Final = "nothing was freed"


@dataclass(frozen=True, slots=True)
class Allocated(Result):
    """A new block of `size` zeroed bytes."""

    handle: int
    size: int


@dataclass(frozen=True, slots=True)
class Freed(Result):
    """A block was freed."""

    handle: int


@dataclass(frozen=True, slots=True)
class FreedAll(Result):
    """All blocks were freed: how many, and how many bytes."""

    count: int
    size: int


@dataclass(frozen=True, slots=True)
class Resized(Result):
    """A block now has `size` bytes."""

    handle: int
    size: int


@dataclass(frozen=True, slots=True)
class Described(Result):
    """A block's size in bytes, whether it ends with its connection, and when it was allocated."""

    handle: int
    size: int
    session: bool
    created_ms: int


@dataclass(frozen=True, slots=True)
class Listing(Result):
    """The number of blocks, and (handle, size) of those listed, fetched lazily."""

    count: int
    blocks: Iterable[tuple[int, int]]


def alloc(context: Context, size: int, session: bool) -> Results:
    """Allocate a block; `$_` is its handle."""
    block = context.client.alloc(size, session=session)
    context.session.allocated(block.handle, size)
    yield Allocated(block.handle, size)


def free(context: Context, handle: list[int], all: bool) -> Results:
    """Free blocks in the given order; the first that can't be freed ends it."""
    if all:
        yield from _free_all(context, handle)
        return
    foreign = [each for each in handle if each not in context.session.made]
    if len(handle) > 1:
        require_yes(context, f"free {len(handle)} blocks?", _NOTHING_FREED)
    elif foreign and context.interactive:
        require_yes(
            context, f"block {handle[0]} was not made in this session: free?", _NOTHING_FREED
        )
    for each in handle:
        context.client.free(each)
        context.session.freed(each)
        yield Freed(each)


def _free_all(context: Context, handle: list[int]) -> Results:
    if handle:
        raise UsageError("free --all takes no handles")
    if context.unattended:
        raise UsageError("free --all asks first, and nobody is here to answer: -y says yes")
    every = list(context.client.blocks())
    total = sum(size for _, size in every)
    what = f"all {len(every):,} blocks of the server, {format_size(total)}"
    if every:
        require_yes(context, f"free {what}?", _NOTHING_FREED)
    for each, _ in every:
        with suppress(NotFound):  # another client was faster
            context.client.free(each)
        context.session.freed(each)
    yield FreedAll(len(every), total)


def realloc(context: Context, handle: int, size: int) -> Results:
    """Change the size of a block."""
    if context.interactive and handle not in context.session.made:
        _ask_before_cutting(context, handle, size)
    now = context.client.realloc(handle, size)
    context.session.resized(handle, now)
    yield Resized(handle, now)


def _ask_before_cutting(context: Context, handle: int, size: int) -> None:
    try:
        cut = context.client.info(handle).size - size
    except NotFound:
        return  # REALLOC will report it
    if cut > 0:
        question = f"block {handle} was not made in this session: cut off {cut:,} bytes?"
        require_yes(context, question, "nothing was changed")


def info(context: Context, handle: int) -> Results:
    """Size, kind and age of a block."""
    found = context.client.info(handle)
    session = bool(found.flags & AllocFlag.SESSION)
    yield Described(handle, found.size, session, found.created_ms)


def list_(context: Context, all: bool) -> Results:
    """List the blocks; on a terminal only the first of very many."""
    if context.limits_output and not all:
        count, page = context.client.list(limit=_LISTED_ON_TERMINAL)
        yield Listing(count, page)
        return
    count, page = context.client.list()
    yield Listing(count, page if count <= len(page) else _pages(context.client, page))


def _pages(client: Client, page: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    while page:
        yield from page
        page = client.list(page[-1][0])[1]


ALLOC: Final = ShellCommand(
    "alloc",
    "allocate zeroed bytes and get a handle",
    alloc,
    (Argument("size", SIZE, "bytes, with or without a unit: 4096, 0x1000, 64KiB"),),
    (Option("session", "free the block when this connection ends"),),
    (
        Example("alloc 4096", "$_ is its handle from now on"),
        Example("alloc 64KiB --session", "freed when you leave"),
    ),
    "A block outlives the connection that made it. Until it is freed, everybody who knows its "
    "handle can use it.",
    changes=True,
    result_field="handle",
)
FREE: Final = ShellCommand(
    "free",
    "free and wipe blocks",
    free,
    (Argument("handle", HANDLE, "one block or more", repeated=True),),
    (Option("all", "all blocks of the server, also those of others", replaces_arguments=True),),
    (Example("free $_", "the last one made"),),
    "At the prompt the shell asks before it frees several blocks, or one that this session "
    "did not make. free --all asks always; in a script it needs -y.",
    changes=True,
)
REALLOC: Final = ShellCommand(
    "realloc",
    "change the size of a block, keeping its bytes",
    realloc,
    (BLOCK, Argument("size", SIZE, "the new size in bytes")),
    examples=(
        Example("realloc $_ 8KiB", "new bytes are zero"),
        Example("realloc $_ 100", "bytes that are cut off are wiped"),
    ),
    detail="At the prompt the shell asks before it cuts a block that this session did not make.",
    changes=True,
)
INFO: Final = ShellCommand(
    "info",
    "size, kind and age of a block",
    info,
    (BLOCK,),
    examples=(Example("info $_", "the last one made"),),
)
LIST: Final = ShellCommand(
    "list",
    "the blocks that exist, with their sizes",
    list_,
    options=(Option("all", "on a terminal, even more than 100"),),
    examples=(Example("list", "handle and bytes of each"),),
    aliases=("ls",),
)
