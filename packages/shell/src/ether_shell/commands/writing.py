"""Commands that put bytes into blocks: write, fill, copy.

Rule: what takes several messages is checked before the first one changes anything; if a later
one fails, the error says how much was written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ether_protocol import Client, EtherError
from ether_shell.language.declaration import (
    Argument,
    Example,
    Option,
    Result,
    Results,
    ShellCommand,
)
from ether_shell.language.values import BYTE, DATA, HANDLE, SIZE, Data
from ether_shell.operations import ranges
from ether_shell.operations.capacity import check_fits
from ether_shell.operations.confirmation import UNDO_BYTES, overwriting
from ether_shell.problems import PartlyWritten, UsageError
from ether_shell.session.context import Context

from .arguments import AT, BLOCK


@dataclass(frozen=True, slots=True)
class Written(Result):
    """`size` bytes were written at `offset`."""

    handle: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Filled(Result):
    """`size` bytes from `offset` on were set to `byte`."""

    handle: int
    offset: int
    size: int
    byte: int


@dataclass(frozen=True, slots=True)
class Copied(Result):
    """`size` bytes went from one range to another."""

    source: int
    source_offset: int
    handle: int
    offset: int
    size: int


def write(context: Context, handle: int, data: Data, at: int) -> Results:
    """Write bytes into a block, in steps where they are too many for one message."""
    size = context.inputs.size(data)
    if size is not None:
        check_fits(context.client, "WRITE", handle, at, size)
    # Data of unknown length is treated as too long for undo.
    with overwriting(context, handle, at, UNDO_BYTES + 1 if size is None else size) as after:
        after.data = data if isinstance(data, bytes) else None
        written = _write(context, handle, data, at)
    yield Written(handle, at, written)


def _write(context: Context, handle: int, data: Data, at: int) -> int:
    written = 0
    try:
        for chunk in context.inputs.chunks(data):
            written += context.client.write(handle, chunk, at + written)
    except (EtherError, UsageError, KeyboardInterrupt) as error:
        if not written:
            raise
        raise PartlyWritten(written) from error
    return written


def fill(context: Context, handle: int, byte: int, length: int | None, at: int) -> Results:
    """Set a range, by default the rest of the block, to one byte."""
    size = _rest(context.client, handle, at) if length is None else length
    check_fits(context.client, "FILL", handle, at, size)
    with overwriting(context, handle, at, size):
        filled = context.client.fill(handle, byte, at, size)
    yield Filled(handle, at, filled, byte)


def copy(
    context: Context, source: int, target: int, length: int | None, from_: int, at: int
) -> Results:
    """Copy a range, by default the rest of the source."""
    client = context.client
    size = _rest(client, source, from_) if length is None else length
    check_fits(client, "COPY", source, from_, size)
    check_fits(client, "COPY", target, at, size)
    done = 0
    with overwriting(context, target, at, size):
        for source_at, target_at, step in ranges.copy_steps(
            from_, at, size, same_block=source == target
        ):
            done += client.copy(source, source_at, target, target_at, step)
    yield Copied(source, from_, target, at, done)


def _rest(client: Client, handle: int, offset: int) -> int:
    return max(0, client.info(handle).size - offset)


WRITE: Final = ShellCommand(
    "write",
    "put bytes into a block",
    write,
    (BLOCK, Argument("data", DATA, 'text, "text\\n", hex:…, b64:…, @file or @-')),
    (AT,),
    (
        Example('write $_ "hello, world\\n"', "at the start"),
        Example("write $_ hex:dead beef --at 16", "four bytes from offset 16 on"),
        Example("write $_ b64:3q2+7w== --at 0x20", "the same four elsewhere"),
    ),
    "Up to 16 MiB are written whole or not at all. A larger file is checked to fit and then "
    "written in steps of 16 MiB. The length of a pipe is not known; if it does not fit, the "
    "error says how much was written. @file reads a file, @- standard input. At the prompt "
    "the shell asks, once per block, before it overwrites bytes that are not all zero in a "
    "block that this session did not make. undo takes the last write back.",
    changes=True,
)
FILL: Final = ShellCommand(
    "fill",
    "set bytes of a block to one value",
    fill,
    (
        BLOCK,
        Argument("byte", BYTE, "255, 0xff, hex:ff or a character"),
        Argument("length", SIZE, "how many bytes; default: to the end of the block", False),
    ),
    (AT,),
    (
        Example("fill $_ 0", "zero it all"),
        Example("fill $_ 0xff 16 --at 32", "sixteen bytes"),
    ),
    changes=True,
)
COPY: Final = ShellCommand(
    "copy",
    "copy bytes between blocks or within one",
    copy,
    (
        Argument("source", HANDLE, "the block that is read"),
        Argument("target", HANDLE, "the block that is written"),
        Argument("length", SIZE, "how many bytes; default: to the end of the source", False),
    ),
    (
        Option("from", "first byte in the source (0)", SIZE, default=0),
        Option("at", "first byte in the target (0)", SIZE, default=0),
    ),
    (Example("copy $_ $_ 16 --from 0 --at 32", "within a block; ranges may overlap"),),
    "The bytes never leave the server.",
    changes=True,
)
