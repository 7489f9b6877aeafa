"""Leaving: tell the user about blocks that this session made, and offer to free them.

Rule: nothing is freed without a yes; pressing Ctrl-D again just leaves.
"""

from __future__ import annotations

from collections.abc import Callable

from ether_protocol import AllocFlag, EtherError, NotFound, format_size
from ether_shell.commands.own import existing
from ether_shell.drawing.measures import blocks
from ether_shell.session.context import Context


def offer_to_free(
    context: Context, ask: Callable[[str], bool] | None, say: Callable[[str], None]
) -> None:
    """Name the blocks made in this session; free them if the answer to `ask` is yes."""
    session = context.session
    if not session.made or not session.connected:
        return
    try:
        # The server frees SESSION blocks by itself.
        left = [
            (handle, info.size)
            for handle, info in existing(context)
            if not info.flags & AllocFlag.SESSION
        ]
        if not left:
            return
        total = format_size(sum(size for _, size in left))
        are = "are" if len(left) > 1 else "is"
        summary = f"{blocks(len(left))} made here {are} still allocated, {total}"
        if ask is None:
            say(summary)
        elif ask(f"{summary} (mine lists them): free?"):
            say(f"freed {blocks(_free(context, [handle for handle, _ in left]))}")
    except EtherError as error:
        say(str(error))
    except KeyboardInterrupt:
        say("")


def _free(context: Context, handles: list[int]) -> int:
    freed = 0
    for handle in handles:
        try:
            context.client.free(handle)
        except NotFound:  # another client was faster
            continue
        freed += 1
    return freed
