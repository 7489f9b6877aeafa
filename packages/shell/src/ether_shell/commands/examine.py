"""The command that shows memory as values: x, in gdb's manner.

Rule: it reads as `read` does, and sets what an empty line shows next.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ether_protocol import Client
from ether_shell.language.declaration import Argument, Example, Option, Results, ShellCommand
from ether_shell.language.formats import DEFAULT, FORMAT, LETTERS, Format
from ether_shell.language.values import ADDRESS, BlockAddress
from ether_shell.operations.ranges import DataPart
from ether_shell.session.context import Context

from .reading import Contents, fetched

LONGEST_STRING_BYTES: Final = 200
"""A longer string is cut here and continued as the next one, as in gdb."""

_STRING_STEP_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Values(Contents):
    """Bytes to show as numbers or characters in one `format`."""

    format: Format
    big: bool
    squeezed: bool


@dataclass(frozen=True, slots=True)
class Strings(Contents):
    """Bytes to show as strings; each part is one, without its closing zero byte."""


def x(
    context: Context, format: Format, address: BlockAddress, big: bool, all: bool, full: bool
) -> Results:
    """Show memory as values, or as strings."""
    if format.letter == "s":
        handle, offset = address.handle, address.offset
        found = list(_strings(context.client, handle, offset, format.count))
        end = found[-1][1] if found else offset
        pieces = tuple(piece for piece, _ in found)
        result: Contents = Strings(handle, offset, end - offset, pieces)
    else:
        size, parts = fetched(context, address.handle, format.size, address.offset, whole=all)
        result = Values(address.handle, address.offset, size, parts, format, big, not full)
    if result.size:
        following = BlockAddress(address.handle, address.offset + result.size)
        context.next_line = f"x/{format} {following}" + " --big" * big + " --full" * full
    yield result


def _strings(
    client: Client, handle: int, offset: int, count: int
) -> Iterator[tuple[DataPart, int]]:
    """At most `count` strings from `offset` on, each with the offset behind its end."""
    held = b""
    ended = False
    for _ in range(count):
        while len(held) < LONGEST_STRING_BYTES and b"\0" not in held and not ended:
            more = client.read(handle, _STRING_STEP_BYTES, offset + len(held))
            ended = len(more) < _STRING_STEP_BYTES
            held += more
        if not held:
            return
        text, zero, _ = held[:LONGEST_STRING_BYTES].partition(b"\0")
        end = len(text) + len(zero)
        yield DataPart(offset, text), offset + end
        held, offset = held[end:], offset + end


X: Final = ShellCommand(
    "x",
    "examine memory as numbers or text",
    x,
    (Argument("address", ADDRESS, "HANDLE or HANDLE+OFFSET, such as 7+16 or $_+0x10"),),
    (
        Option("big", "values of several bytes are big-endian, as in swap and add"),
        Option("all", "on a terminal, show even more than 64 KiB"),
        Option("full", "show every row, even those that repeat the one above"),
    ),
    (
        Example("x $_", "the first 64 bytes"),
        Example("x/32xb $_+16", "32 bytes in hex from offset 16 on; Enter shows the next"),
        Example("x/4dw $_", "four signed words"),
        Example("x/gu $_ --big", "one number, as add and swap see it"),
        Example("x/2s $_", "two strings"),
    ),
    "As in gdb, a count, a letter and a unit follow the slash. Letters: "
    + ", ".join(f"{letter} {meaning}" for letter, meaning in LETTERS.items())
    + ". Units: b 1 byte, h 2, w 4, g 8. The defaults are 1, x and b. Values are little-endian, "
    "as most programs store them, unless you say --big. In the right column ⋄ is a zero byte, "
    "_ white space, • another control character and × a byte above 0x7f. An empty line "
    "continues where x ended.",
    suffix=Option("format", "count, letter and unit; default: 64xb", FORMAT, "FMT", DEFAULT),
)
