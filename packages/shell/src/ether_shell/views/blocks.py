"""How whole blocks look: alloc, free, realloc, info, list.

Rule: pure; a listing is rendered line by line and never held.
"""

from __future__ import annotations

from typing import Any, Final

from ether_protocol import format_size
from ether_shell.commands.blocks import Allocated, Described, Freed, FreedAll, Listing, Resized
from ether_shell.drawing.layout import pairs
from ether_shell.drawing.measures import blocks, moment, size_of

from .renderer import Note, Renderer, Renderers, Rendering, View, as_declared


def _allocated(result: Allocated, view: View) -> Rendering:
    yield f"handle {result.handle}, {size_of(result.size)}" if view.terminal else f"{result.handle}"


def _freed(result: Freed, _: View) -> Rendering:
    yield Note(f"freed {result.handle}")


def _freed_all(result: FreedAll, _: View) -> Rendering:
    yield Note(f"freed {blocks(result.count)}, {format_size(result.size)}")


def _resized(result: Resized, _: View) -> Rendering:
    yield Note(f"handle {result.handle} now has {size_of(result.size)}")


def _described(result: Described, _: View) -> Rendering:
    yield from pairs(
        {
            "handle": f"{result.handle}",
            "size": size_of(result.size),
            "session": "yes, freed with its connection" if result.session else "no",
            "created": moment(result.created_ms),
        }
    )


def _described_json(result: Described) -> dict[str, Any]:
    values = as_declared(result)
    values["created"] = moment(values.pop("created_ms"))
    return values


def _listing(result: Listing, view: View) -> Rendering:
    shown = total = width = 0
    for handle, size in result.blocks:
        width = width or len(str(handle)) + 4
        line = f"{handle:>{width}}  {size:>15,}  {format_size(size)}"
        yield line if view.terminal else f"{handle} {size}"
        shown += 1
        total += size
    if shown < result.count:
        yield Note(f"… {result.count - shown:,} more of {result.count:,} blocks; list --all")
    else:
        yield Note(f"{blocks(shown)}, {format_size(total)}" if shown else "no blocks")


def _listing_json(result: Listing) -> dict[str, Any]:
    return {
        "count": result.count,
        "blocks": [{"handle": handle, "size": size} for handle, size in result.blocks],
    }


RENDERERS: Final[Renderers] = {
    Allocated: Renderer(_allocated),
    Freed: Renderer(_freed),
    FreedAll: Renderer(_freed_all),
    Resized: Renderer(_resized),
    Described: Renderer(_described, _described_json),
    Listing: Renderer(_listing, _listing_json),
}
