"""How variables look: let, unset.

Rule: pure.
"""

from __future__ import annotations

from typing import Final

from ether_shell.commands.variables import Variables

from .layout import pairs
from .look import Look, Looks, Note, Output, View


def _variables(result: Variables, view: View) -> Output:
    yield from pairs({f"${name}": str(value) for name, value in result.variables.items()})
    if not result.variables and view.terminal:
        yield Note("no variables")


LOOKS: Final[Looks] = {Variables: Look(_variables)}
