"""The rules, a file a theme, in the order in which they are tried.

Rule: a theme speaks to the server through `Peer` alone, and every rule stands
by itself: it needs nothing that another has left behind.
"""

from . import (
    atomic,
    bad_input,
    blocks,
    bodies,
    commands,
    connections,
    filler,
    headers,
    limits,
    listing,
    ranges,
)

THEMES = (
    headers.theme,
    commands.theme,
    bodies.theme,
    blocks.theme,
    ranges.theme,
    atomic.theme,
    listing.theme,
    limits.theme,
    bad_input.theme,
    filler.theme,
    connections.theme,
)
