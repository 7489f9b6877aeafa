"""Results as text for people: the table of looks, and the door to it.

Rule: pure.  What a program may want from a pipe is never inside a sentence
there.
"""

from __future__ import annotations

from typing import Any, Final

from ether_shell.language.declaration import Result

from . import (
    atomics,
    bench,
    blocks,
    comparing,
    examine,
    files,
    guide,
    live,
    mapping,
    own,
    reading,
    server,
    top,
    tracing,
    variables,
    writing,
)
from .look import Looks, Output, View


def render(result: Result, view: View) -> Output:
    """What to write for `result`."""
    return LOOKS[type(result)].text(result, view)


def shape(result: Result) -> dict[str, Any]:
    """The JSON object that `result` is."""
    return LOOKS[type(result)].json(result)


LOOKS: Final[Looks] = {
    **server.LOOKS,
    **blocks.LOOKS,
    **reading.LOOKS,
    **examine.LOOKS,
    **comparing.LOOKS,
    **writing.LOOKS,
    **atomics.LOOKS,
    **live.looks(render, shape),
    **mapping.LOOKS,
    **top.LOOKS,
    **bench.LOOKS,
    **files.LOOKS,
    **own.LOOKS,
    **tracing.LOOKS,
    **variables.LOOKS,
    **guide.LOOKS,
}
"""How every type of result is shown; one line a theme."""
