"""Commands between files and blocks: load, dump.

Rule: a step of a range is held and no more, and whatever stops a transfer
halfway, it is said what is where.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from ether_protocol import EtherError
from ether_shell.context import Context
from ether_shell.language.declaration import Argument, Command, Example, Result, Results
from ether_shell.language.values import HANDLE, PATH, SIZE, FromFile
from ether_shell.problems import Incomplete, Misuse, PartlySaved, PartlyWritten
from ether_shell.savefile import SaveFile

from . import ranges
from .arguments import AT, BLOCK
from .consent import agree, overwriting
from .writing import see_that_it_fits

_STEP_BYTES: Final = 4 * 1024 * 1024
"""Bytes between two looks at the clock."""


@dataclass(frozen=True, slots=True)
class Loaded(Result):
    """`size` bytes of a file stand at `offset`, in a block that was `allocated` for them or not."""

    handle: int
    offset: int
    size: int
    sha256: str
    allocated: bool
    path: str


@dataclass(frozen=True, slots=True)
class Dumped(Result):
    """`size` bytes from `offset` on stand in the file `path`."""

    handle: int
    offset: int
    size: int
    sha256: str
    path: str


def load(context: Context, file: FromFile, handle: int | None, at: int) -> Results:
    """Put a file into a block, or into a new one of its size."""
    size = context.inputs.size(file)
    block = handle
    if block is None:
        block = _allocated(context, file, size, at)
    elif size is not None:
        see_that_it_fits(context.client, "WRITE", block, at, size, always=True)
    if handle is None or size is None:
        yield from _sent(context, file, block, at, size, new=handle is None)
        return
    with overwriting(context, block, at, size):
        yield from _sent(context, file, block, at, size, new=False)


def _sent(
    context: Context, file: FromFile, block: int, at: int, size: int | None, *, new: bool
) -> Results:
    client = context.client
    digest = hashlib.sha256()
    written = 0
    try:
        with context.progress("load", size) as advance:
            for chunk in context.inputs.chunks(file, _STEP_BYTES):
                digest.update(chunk)
                written += client.write(block, chunk, at + written)
                advance(written)
    except (EtherError, Misuse, KeyboardInterrupt) as error:
        if not written and not new:
            raise
        raise PartlyWritten(written, block) from error
    yield Loaded(block, at, written, digest.hexdigest(), new, file.path)


def _allocated(context: Context, file: FromFile, size: int | None, at: int) -> int:
    if size is None:
        raise Misuse(
            f"how long {file.path} is shows only when it ends: name a block, load FILE HANDLE",
            file.at,
        )
    if not at + size:
        raise Misuse(f"{file.path} is empty, and a block has at least one byte", file.at)
    handle = context.client.alloc(at + size).handle
    context.session.allocated(handle, at + size)
    return handle


def dump(context: Context, handle: int, file: FromFile, length: int | None, at: int) -> Results:
    """Put bytes of a block into a file."""
    if file.path == "-":
        raise Misuse(
            "read HANDLE --as raw writes to standard output; a file called - is ./-", file.at
        )
    there = context.client.info(handle).size
    size = max(0, there - at) if length is None else length
    if size > there - at:
        raise Misuse(f"block {handle} has {there:,} bytes: [{at}:{at + size}] is not within it")
    save = SaveFile(file)
    if save.replaces:
        agree(context, f"replace {file.path}?", "nothing was written")
    client = context.client
    digest = hashlib.sha256()
    try:
        with save, context.progress("dump", size) as advance:
            for offset, step in ranges.steps(at, size, _STEP_BYTES):
                data = client.read(handle, step, offset)
                if len(data) < step:
                    raise Incomplete(f"block {handle} shrank while it was read")
                digest.update(data)
                save.write(data)
                advance(save.size)
    except (EtherError, Incomplete, Misuse, KeyboardInterrupt) as error:
        if save.kept is None:
            raise
        raise PartlySaved(save.kept, save.size) from error
    yield Dumped(handle, at, size, digest.hexdigest(), file.path)


LOAD: Final = Command(
    "load",
    "put a file into a block, or into a new one of its size",
    load,
    (
        Argument("file", PATH, "what to read; - is standard input"),
        Argument("handle", HANDLE, "the block; a new one if left out", False),
    ),
    (AT,),
    (
        Example("load block.bin", "a block just large enough, which $_ then stands for"),
        Example("load block.bin $_ --at 16", "into a block there is"),
    ),
    "The size is known before the first byte changes: a file that does not fit is refused. "
    "The SHA-256 is that of the bytes sent. Before bytes of somebody else's block it asks, as "
    "write does.",
    changes=True,
    gives="handle",
)
DUMP: Final = Command(
    "dump",
    "put bytes of a block into a file",
    dump,
    (
        BLOCK,
        Argument("file", PATH, "where to write"),
        Argument("length", SIZE, "how many bytes; to the block's end if left out", False),
    ),
    (AT,),
    (
        Example("dump $_ block.bin", "all of it"),
        Example("dump $_ block.bin 16 --at 0x10", "a range"),
    ),
    "The bytes go to FILE.part, which becomes FILE when all are there; what stops a dump "
    "leaves FILE as it was and FILE.part with what came. A file that exists is replaced "
    "after a question. A pipe or a device is written as it stands. Into a pipe, dump prints "
    "the SHA-256 and the name as sha256sum does.",
)
