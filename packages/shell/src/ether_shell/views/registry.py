"""Every type of result with its renderer: results as text, and as JSON.

Rule: one line per theme. What a program may want to read from a pipe is never part of a
sentence there.
"""

from __future__ import annotations

from typing import Any, Final

from ether_shell.language.declaration import Result

from . import (
    atomics,
    auth,
    bench,
    block_map,
    blocks,
    comparing,
    examine,
    files,
    help,
    own,
    reading,
    server,
    top,
    tracing,
    variables,
    watching,
    writing,
)
from .renderer import Renderers, Rendering, View


def render(result: Result, view: View) -> Rendering:
    """The text of `result`."""
    return RENDERERS[type(result)].text(result, view)


def as_json(result: Result) -> dict[str, Any]:
    """The JSON object for `result`."""
    return RENDERERS[type(result)].json(result)


RENDERERS: Final[Renderers] = {
    **server.RENDERERS,
    **auth.RENDERERS,
    **blocks.RENDERERS,
    **reading.RENDERERS,
    **examine.RENDERERS,
    **comparing.RENDERERS,
    **writing.RENDERERS,
    **atomics.RENDERERS,
    **watching.renderers(render, as_json),
    **block_map.RENDERERS,
    **top.RENDERERS,
    **bench.RENDERERS,
    **files.RENDERERS,
    **own.RENDERERS,
    **tracing.RENDERERS,
    **variables.RENDERERS,
    **help.RENDERERS,
}
"""The renderer of every type of result."""
