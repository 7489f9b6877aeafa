"""Where the `etherd` command begins.

Rule: nothing is imported before Ctrl-C can be answered, and no file or socket
gets the number of stdin, stdout or stderr.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run `etherd`; an interrupt before it listens ends it without a word."""
    try:
        _open_what_is_closed()
        from .cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


def _open_what_is_closed() -> None:
    """Let stdin, stdout and stderr lead nowhere where they were closed (`etherd 2>&-`)."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - open until the process ends
