"""How it looks what the session did itself: undo.  (`mine` gives a listing, as `list` does.)

Rule: pure.
"""

from __future__ import annotations

from typing import Final

from ether_shell.commands.own import Undone

from .look import Look, Looks, Note, Output, View
from .measures import size_of


def _undone(result: Undone, _: View) -> Output:
    yield Note(f"{size_of(result.size)} at {result.offset} in {result.handle} are as they were")


LOOKS: Final[Looks] = {Undone: Look(_undone)}
