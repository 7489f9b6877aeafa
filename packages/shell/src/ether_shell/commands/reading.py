"""The command that gets bytes out of a block: read.

Rule: never more than one step of a range is held, and what floods a terminal
is cut short.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from ether_protocol import Client
from ether_shell.context import Context
from ether_shell.language.declaration import Argument, Command, Example, Option, Result, Results
from ether_shell.language.values import SIZE, choice
from ether_shell.problems import Incomplete

from . import ranges
from .arguments import AT, BLOCK
from .ranges import Gap, Part, Piece

_FORMS: Final = choice(
    ("hex", "offset, hex and ASCII"),
    ("text", "as text, escaped on a terminal"),
    ("base64", "as one line of base64"),
    ("raw", "the bytes themselves, for a pipe"),
)


@dataclass(frozen=True, slots=True)
class Contents(Result):
    """Bytes of a block; `parts` are fetched as they are taken.

    `changed` has the offsets of bytes that differ from those shown before.
    """

    handle: int
    offset: int
    size: int
    parts: Iterable[Part]
    changed: Container[int] = field(default=frozenset(), kw_only=True)


@dataclass(frozen=True, slots=True)
class Bytes(Contents):
    """Bytes to be shown as `form` says."""

    form: str


def read(
    context: Context, handle: int, length: int | None, at: int, as_: str, all: bool
) -> Results:
    """Get bytes out of a block, a long range step by step."""
    size, parts = fetched(context, handle, length, at, whole=all)
    yield Bytes(handle, at, size, parts, as_)


def fetched(
    context: Context, handle: int, length: int | None, at: int, *, whole: bool
) -> tuple[int, Iterable[Part]]:
    """How many bytes a range has, and its parts; unless `whole`, a terminal is not flooded.

    A range that ends behind its block ends where the block does.
    """
    client = context.client
    size = length
    if size is None or size > ranges.READ_STEP_BYTES:
        left = max(0, client.info(handle).size - at)
        size = left if size is None else min(left, size)
    guarded = context.guarded and not whole
    if guarded and size > ranges.GUARD_BYTES:
        # A length may be longer than the block: what is left out is counted from its real end.
        size = min(size, max(0, client.info(handle).size - at))
    if guarded and size > ranges.GUARD_BYTES:
        return size, _abridged(client, handle, at, size)
    if size <= ranges.READ_STEP_BYTES:
        data = client.read(handle, size, at)
        return len(data), (Piece(at, data),)
    return size, _stepwise(client, handle, at, size)


def _exactly(client: Client, handle: int, offset: int, size: int) -> Piece:
    data = client.read(handle, size, offset)
    if len(data) < size:
        raise Incomplete(f"block {handle} shrank while it was read, at offset {offset + len(data)}")
    return Piece(offset, data)


def _abridged(client: Client, handle: int, offset: int, size: int) -> Iterator[Part]:
    head, gap, tail = ranges.abridged(offset, size)
    yield _exactly(client, handle, *head)
    yield Gap(*gap)
    yield _exactly(client, handle, *tail)


def _stepwise(client: Client, handle: int, offset: int, size: int) -> Iterator[Part]:
    for step in ranges.steps(offset, size):
        yield _exactly(client, handle, *step)


READ: Final = Command(
    "read",
    "show bytes of a block",
    read,
    (
        BLOCK,
        Argument("length", SIZE, "how many bytes; to the block's end if left out", False),
    ),
    (
        AT,
        Option("as", "hex, text, base64 or raw (hex)", _FORMS, "FORM", "hex"),
        Option("all", "on a terminal, show even more than 64 KiB"),
    ),
    (
        Example("read $_", "all of it, as hex"),
        Example("read $_ 5 --as text", "the first five bytes"),
        Example("read $_ 16 --at 0x10", "a range"),
    ),
    "A range that goes beyond the block ends where the block does. In a terminal, "
    "control characters are escaped; into a pipe, text and raw are the bytes as they are.",
)
