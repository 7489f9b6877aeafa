"""Where the `etherd` command begins.

Rule: nothing is imported before Ctrl-C can be answered, and no file or socket
gets the number of stdin, stdout or stderr.
"""

from __future__ import annotations

import os
import sys

_NO_MEMORY = b"etherd: there is not enough memory to go on\n"


def main() -> None:
    """Run `etherd`; an interrupt before it listens ends it without a word."""
    try:
        _open_what_is_closed()
        from .cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)
    except MemoryError:
        _end_without_memory()
    except ImportError as error:
        # A library that could not be mapped: it is there, and the memory is not.
        if "cannot allocate memory" not in str(error) and "failed to map" not in str(error):
            raise
        _end_without_memory()


def _end_without_memory() -> None:
    """Say so in one line, which is there already, and end without anything that takes memory."""
    try:
        os.write(2, _NO_MEMORY)
    finally:
        os._exit(1)


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
