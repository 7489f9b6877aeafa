"""Where the `etherd` command begins.

Rule: nothing is imported before Ctrl-C can be answered.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run `etherd`; an interrupt before it listens ends it without a word."""
    try:
        from .cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)
