"""The table of all renderers."""

from __future__ import annotations

import sys

from ether_shell.language.declaration import Result
from ether_shell.views.registry import RENDERERS


def leaves(kind: type[Result]) -> set[type[Result]]:
    """The types that nothing is derived from."""
    below = {leaf for each in kind.__subclasses__() for leaf in leaves(each)}
    # A dataclass with slots may leave the class behind that it was made from.
    named = getattr(sys.modules[kind.__module__], kind.__name__)
    return below or ({kind} if kind is named else set())


def test_every_type_of_result_has_a_renderer() -> None:
    assert set(RENDERERS) == leaves(Result)
