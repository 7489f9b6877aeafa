"""What is said when a person leaves while blocks that they made are still there.

Rule: nothing is freed but after a yes; who only presses Ctrl-D again leaves.
"""

from __future__ import annotations

from collections.abc import Callable

from ether_protocol import AllocFlag, EtherError, NotFound, format_size
from ether_shell.commands.own import alive
from ether_shell.context import Context
from ether_shell.views.measures import blocks


def farewell(
    context: Context, ask: Callable[[str], bool] | None, say: Callable[[str], None]
) -> None:
    """Tell of the blocks made in this session, and free them if the answer to `ask` is yes."""
    session = context.session
    if not session.made or not session.connected:
        return
    try:
        # A SESSION block goes by itself.
        left = [
            (handle, info.size)
            for handle, info in alive(context)
            if not info.flags & AllocFlag.SESSION
        ]
        if not left:
            return
        total = format_size(sum(size for _, size in left))
        are = "are" if len(left) > 1 else "is"
        what = f"{blocks(len(left))} made here {are} still allocated, {total}"
        if ask is None:
            say(what)
        elif ask(f"{what} (mine lists them): free?"):
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
        except NotFound:  # somebody else was quicker
            continue
        freed += 1
    return freed
