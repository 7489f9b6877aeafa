"""How it looks that bytes were put into blocks: write, fill, copy.

Rule: pure.
"""

from __future__ import annotations

from typing import Final

from ether_shell.commands.writing import Copied, Filled, Written

from .look import Look, Looks, Note, Output, View
from .measures import size_of


def _written(result: Written, _: View) -> Output:
    yield Note(f"wrote {size_of(result.size)} at {result.offset} in {result.handle}")


def _filled(result: Filled, _: View) -> Output:
    yield Note(
        f"filled {size_of(result.size)} at {result.offset} in {result.handle}"
        f" with 0x{result.byte:02x}"
    )


def _copied(result: Copied, _: View) -> Output:
    yield Note(
        f"copied {size_of(result.size)} from {result.source_offset} in {result.source}"
        f" to {result.offset} in {result.handle}"
    )


LOOKS: Final[Looks] = {Written: Look(_written), Filled: Look(_filled), Copied: Look(_copied)}
