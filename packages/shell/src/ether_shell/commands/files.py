"""Commands between files and blocks: load, dump.

Rule: no more than one step of a range is held. When a transfer is stopped, the error says which
bytes are where.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from ether_protocol import EtherError
from ether_shell.language.declaration import Argument, Example, Result, Results, ShellCommand
from ether_shell.language.values import HANDLE, PATH, SIZE, FromFile
from ether_shell.operations import ranges
from ether_shell.operations.capacity import check_fits
from ether_shell.operations.confirmation import overwriting, require_yes
from ether_shell.problems import Incomplete, PartlySaved, PartlyWritten, UsageError
from ether_shell.session.context import Context
from ether_shell.session.save_file import SaveFile

from .arguments import AT, BLOCK


@dataclass(frozen=True, slots=True)
class Loaded(Result):
    """`size` bytes of a file are at `offset` of a block, which was `allocated` for them or not."""

    handle: int
    offset: int
    size: int
    sha256: str
    allocated: bool
    path: str


@dataclass(frozen=True, slots=True)
class Dumped(Result):
    """`size` bytes from `offset` on are in the file `path`."""

    handle: int
    offset: int
    size: int
    sha256: str
    path: str


def load(context: Context, file: FromFile, handle: int | None, at: int) -> Results:
    """Read a file into a block, or into a new one of its size."""
    size = context.inputs.size(file)
    block = handle
    if block is None:
        block = _allocated(context, file, size, at)
    elif size is not None:
        check_fits(context.client, "WRITE", block, at, size, always=True)
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
            for chunk in context.inputs.chunks(file, context.transfer_step_bytes):
                digest.update(chunk)
                written += client.write(block, chunk, at + written)
                advance(written)
    except (EtherError, UsageError, KeyboardInterrupt) as error:
        if not written and not new:
            raise
        raise PartlyWritten(written, block) from error
    yield Loaded(block, at, written, digest.hexdigest(), new, file.path)


def _allocated(context: Context, file: FromFile, size: int | None, at: int) -> int:
    if size is None:
        raise UsageError(
            f"the length of {file.path} is known only at its end: name a block, load FILE HANDLE",
            file.at,
        )
    if not at + size:
        raise UsageError(f"{file.path} is empty, and a block has at least one byte", file.at)
    handle = context.client.alloc(at + size).handle
    context.session.allocated(handle, at + size)
    return handle


def dump(context: Context, handle: int, file: FromFile, length: int | None, at: int) -> Results:
    """Write bytes of a block into a file."""
    if file.path == "-":
        raise UsageError(
            "read HANDLE --as raw writes to standard output; a file called - is ./-", file.at
        )
    there = context.client.info(handle).size
    size = max(0, there - at) if length is None else length
    if size > there - at:
        raise UsageError(f"block {handle} has {there:,} bytes: [{at}:{at + size}] is not within it")
    save = SaveFile(file)
    if save.replaces:
        require_yes(context, f"replace {file.path}?", "nothing was written")
    client = context.client
    digest = hashlib.sha256()
    try:
        with save, context.progress("dump", size) as advance:
            for offset, step in ranges.steps(at, size, context.transfer_step_bytes):
                data = client.read(handle, step, offset)
                if len(data) < step:
                    raise Incomplete(f"block {handle} shrank while it was read")
                digest.update(data)
                save.write(data)
                advance(save.size)
    except (EtherError, Incomplete, UsageError, KeyboardInterrupt) as error:
        if save.kept is None:
            raise
        raise PartlySaved(save.kept, save.size) from error
    yield Dumped(handle, at, size, digest.hexdigest(), file.path)


LOAD: Final = ShellCommand(
    "load",
    "read a file into a block, or into a new one of its size",
    load,
    (
        Argument("file", PATH, "what to read; - is standard input"),
        Argument("handle", HANDLE, "the block; default: a new one", False),
    ),
    (AT,),
    (
        Example("load block.bin", "a new block of the file's size; $_ is its handle"),
        Example("load block.bin $_ --at 16", "into an existing block"),
    ),
    "A file that does not fit is refused before the first byte changes. The SHA-256 is that "
    "of the bytes sent. As write does, it asks before it overwrites bytes of a block that this "
    "session did not make.",
    changes=True,
    result_field="handle",
)
DUMP: Final = ShellCommand(
    "dump",
    "write bytes of a block into a file",
    dump,
    (
        BLOCK,
        Argument("file", PATH, "where to write"),
        Argument("length", SIZE, "how many bytes; default: to the end of the block", False),
    ),
    (AT,),
    (
        Example("dump $_ block.bin", "all of it"),
        Example("dump $_ block.bin 16 --at 0x10", "a range"),
    ),
    "The bytes go to FILE.part, which is renamed to FILE when it is complete. If the dump is "
    "stopped, FILE is unchanged, and FILE.part has the bytes so far. The shell asks before it "
    "replaces a file. A pipe or a device is written in place. If the output is a pipe, the "
    "SHA-256 and the name are printed as sha256sum does.",
)
