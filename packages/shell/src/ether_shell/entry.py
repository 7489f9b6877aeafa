"""Where the `ether-shell` command begins.

Rule: nothing is imported before Ctrl-C can be answered.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run `ether-shell`; an interrupt while it still loads ends it without a word."""
    try:
        from .cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)
