"""Commands that compare or add in one step: swap, add.

Rule: each is one message, and no other request comes between its reading and its writing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ether_shell.language.declaration import Argument, Example, Result, Results, ShellCommand
from ether_shell.language.values import SIGNED, WORD
from ether_shell.session.context import Context

from .arguments import AT, BLOCK

_U64: Final = 2**64


@dataclass(frozen=True, slots=True)
class Compared(Result):
    """`found` are the 8 bytes that were there; if `swapped`, they have been replaced."""

    handle: int
    offset: int
    swapped: bool
    found: bytes


@dataclass(frozen=True, slots=True)
class Added(Result):
    """The number at `offset` was `before` and is `after`."""

    handle: int
    offset: int
    before: int
    after: int


def swap(context: Context, handle: int, expected: bytes, desired: bytes, at: int) -> Results:
    """Replace 8 bytes if they are `expected`."""
    found = context.client.compare_swap(handle, at, expected, desired)
    yield Compared(handle, at, found == expected, found)


def add(context: Context, handle: int, delta: int, at: int) -> Results:
    """Add to a number in a block."""
    before = context.client.fetch_add(handle, at, delta)
    yield Added(handle, at, before, (before + delta) % _U64)


SWAP: Final = ShellCommand(
    "swap",
    "replace 8 bytes if they are as expected",
    swap,
    (
        BLOCK,
        Argument("expected", WORD, "a number (64 bits, big-endian) or 8 bytes"),
        Argument("desired", WORD, "the new value, in the same form"),
    ),
    (AT,),
    (
        Example("swap $_ 0 1", "take a lock that is free"),
        Example('swap $_ "\\0\\0\\0\\0\\0\\0\\0\\0" "8 bytes!" --at 8', "with bytes"),
    ),
    "Nothing comes between the comparison and the writing (COMPARE_SWAP). The result is what "
    "was there before, swapped or not. Digits with spaces go in quotes: "
    'hex:"0000 0000 0000 0001".',
    changes=True,
)
ADD: Final = ShellCommand(
    "add",
    "add to a 64-bit number, and show what it was",
    add,
    (BLOCK, Argument("delta", SIGNED, "what to add, such as 1 or -5")),
    (AT,),
    (
        Example("add $_ 1", "count something"),
        Example("add $_ -5 --at 8", "another number"),
    ),
    "The number is big-endian and wraps around. Nothing comes between reading and "
    "writing it (FETCH_ADD).",
    changes=True,
    result_field="after",
)
