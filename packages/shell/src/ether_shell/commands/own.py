"""Commands about what this session did: mine, undo.

Rule: what the session remembers is checked with the server before it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ether_protocol import BlockInfo, NotFound
from ether_shell.language.declaration import Example, Result, Results, ShellCommand
from ether_shell.problems import Incomplete, UsageError
from ether_shell.session.context import Context
from ether_shell.session.session import LastWrite

from .blocks import Listing


@dataclass(frozen=True, slots=True)
class Undone(Result):
    """`size` bytes from `offset` on are what they were before the last write."""

    handle: int
    offset: int
    size: int


def existing(context: Context) -> Iterator[tuple[int, BlockInfo]]:
    """(handle, its INFO) of the blocks made in this session that still exist."""
    session = context.session
    for handle in tuple(session.made):
        try:
            info = context.client.info(handle)
        except NotFound:
            session.freed(handle)
        else:
            session.resized(handle, info.size)
            yield handle, info


def mine(context: Context) -> Results:
    """List the blocks made in this session."""
    blocks = [(handle, info.size) for handle, info in existing(context)]
    yield Listing(len(blocks), blocks)


def undo(context: Context) -> Results:
    """Put back the bytes that the last write replaced."""
    change = context.session.change
    if change is None:
        raise UsageError(
            "there is nothing to undo: it takes back the last write, fill, copy or load at the"
            " prompt, of at most 1 MiB"
        )
    client = context.client
    if client.read(change.handle, len(change.after), change.offset) != change.after:
        raise Incomplete(
            f"block {change.handle} was changed there in the meantime: nothing was undone"
        )
    client.write(change.handle, change.before, change.offset)
    context.session.change = LastWrite(change.handle, change.offset, change.after, change.before)
    yield Undone(change.handle, change.offset, len(change.before))


MINE: Final = ShellCommand(
    "mine",
    "the blocks that this session made",
    mine,
    examples=(Example("mine", "those that are still allocated"),),
    detail="On leaving, the shell offers to free them.",
)
UNDO: Final = ShellCommand(
    "undo",
    "take back the last write",
    undo,
    examples=(Example("undo", "a second undo takes that back"),),
    detail="It puts back the bytes that write, fill, copy or load replaced at the prompt, up to "
    "1 MiB, if nobody has changed them since. swap and add are not undone.",
    changes=True,
)
