"""How it looks what stood in a place before it was changed: swap, add.

Rule: pure.
"""

from __future__ import annotations

from typing import Final

from ether_shell.commands.atomics import Added, Compared

from .look import Look, Looks, Note, Output, View


def _compared(result: Compared, view: View) -> Output:
    found = f"0x{result.found.hex()}"
    if not view.terminal:
        yield found
        yield Note("swapped" if result.swapped else "not swapped")
    else:
        yield f"swapped, {found} stood there" if result.swapped else f"not swapped: it is {found}"


def _added(result: Added, view: View) -> Output:
    yield f"was {result.before}, is {result.after}" if view.terminal else f"{result.before}"


LOOKS: Final[Looks] = {Compared: Look(_compared), Added: Look(_added)}
