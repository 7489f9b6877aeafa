"""The rules, one file per theme, in the order in which they are checked.

Rule: a theme reaches the server only through `Peer`, and no rule needs
anything that another rule did.
"""

from . import (
    atomic,
    auth,
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
    auth.theme,
)
