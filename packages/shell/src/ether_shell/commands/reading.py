"""The command that reads a block: read.

Rule: no more than one step of a range is held, and what would flood a terminal is cut short.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from ether_protocol import Client
from ether_shell.language.declaration import (
    Argument,
    Example,
    Option,
    Result,
    Results,
    ShellCommand,
)
from ether_shell.language.values import SIZE, choice
from ether_shell.operations import ranges
from ether_shell.operations.ranges import DataPart, Gap, Part
from ether_shell.problems import Incomplete
from ether_shell.session.context import Context

from .arguments import AT, BLOCK

_FORMS: Final = choice(
    ("hex", "offset, hex and ASCII"),
    ("text", "as text, escaped on a terminal"),
    ("base64", "as one line of base64"),
    ("raw", "the bytes themselves, for a pipe"),
)


@dataclass(frozen=True, slots=True)
class Contents(Result):
    """Bytes of a block; `parts` are fetched lazily.

    `changed` has the offsets of bytes that were different when they were last shown.
    """

    handle: int
    offset: int
    size: int
    parts: Iterable[Part]
    changed: Container[int] = field(default=frozenset(), kw_only=True)


@dataclass(frozen=True, slots=True)
class Bytes(Contents):
    """Bytes to show in one of the forms of `read --as`."""

    form: str


def read(
    context: Context, handle: int, length: int | None, at: int, as_: str, all: bool
) -> Results:
    """Read bytes of a block, a long range in steps."""
    size, parts = fetched(context, handle, length, at, whole=all)
    yield Bytes(handle, at, size, parts, as_)


def fetched(
    context: Context, handle: int, length: int | None, at: int, *, whole: bool
) -> tuple[int, Iterable[Part]]:
    """The number of bytes of a range, and its parts; unless `whole`, cut short for a terminal.

    A range that goes beyond the end of the block ends there.
    """
    client = context.client
    size = length
    if size is None or size > ranges.READ_STEP_BYTES:
        left = max(0, client.info(handle).size - at)
        size = left if size is None else min(left, size)
    limits_output = context.limits_output and not whole
    if limits_output and size > ranges.GUARD_BYTES:
        # The range may go beyond the block; what is left out is counted from the real end.
        size = min(size, max(0, client.info(handle).size - at))
    if limits_output and size > ranges.GUARD_BYTES:
        return size, _abridged(client, handle, at, size)
    if size <= ranges.READ_STEP_BYTES:
        data = client.read(handle, size, at)
        return len(data), (DataPart(at, data),)
    return size, _stepwise(client, handle, at, size)


def _exactly(client: Client, handle: int, offset: int, size: int) -> DataPart:
    data = client.read(handle, size, offset)
    if len(data) < size:
        raise Incomplete(f"block {handle} shrank while it was read, at offset {offset + len(data)}")
    return DataPart(offset, data)


def _abridged(client: Client, handle: int, offset: int, size: int) -> Iterator[Part]:
    head, gap, tail = ranges.abridged(offset, size)
    yield _exactly(client, handle, *head)
    yield Gap(*gap)
    yield _exactly(client, handle, *tail)


def _stepwise(client: Client, handle: int, offset: int, size: int) -> Iterator[Part]:
    for step in ranges.steps(offset, size):
        yield _exactly(client, handle, *step)


READ: Final = ShellCommand(
    "read",
    "show bytes of a block",
    read,
    (
        BLOCK,
        Argument("length", SIZE, "how many bytes; default: to the end of the block", False),
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
    "A range that goes beyond the block ends where the block does. On a terminal control "
    "characters are escaped; into a pipe, text and raw are the bytes as they are.",
)
