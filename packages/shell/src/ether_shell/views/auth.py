"""How it looks when a server has accepted a token: auth.

Rule: pure.
"""

from __future__ import annotations

from typing import Final

from ether_shell.commands.auth import TokenTaken

from .renderer import Renderer, Renderers, Rendering, View


def _taken(result: TokenTaken, _: View) -> Rendering:
    if result.token_wanted:
        yield f"{result.server} accepts the token"
    else:
        yield f"connected, but {result.server} wants no token, and got none"


RENDERERS: Final[Renderers] = {TokenTaken: Renderer(_taken)}
