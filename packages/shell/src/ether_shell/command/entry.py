"""Where the `ether-shell` command begins.

Rule: nothing but `sys` is imported before Ctrl-C is handled.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run `ether-shell`; an interrupt while it still loads ends it without a traceback."""
    try:
        from .cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)  # ExitStatus.INTERRUPTED, which may not be imported yet
