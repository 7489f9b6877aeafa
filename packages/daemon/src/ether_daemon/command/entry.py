"""Where the `etherd` command begins.

Rule: nothing is imported before Ctrl-C can be answered, and no file or socket
gets the number of stdin, stdout or stderr.
"""

from __future__ import annotations

import os
import sys

_LEAST_DESCRIPTORS = 16  # the event loop's own, a listener, a client; with fewer libuv aborts
_NO_MEMORY = b"etherd: there is not enough memory to go on\n"


def main() -> None:
    """Run `etherd`; an interrupt before it listens ends it without a word."""
    try:
        _open_what_is_closed()
        _check_descriptors()
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


def _check_descriptors() -> None:
    """End with one line where the limit of open files is too low to serve anybody."""
    opened: list[int] = []
    try:
        for _ in range(_LEAST_DESCRIPTORS):
            opened.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        needed = _LEAST_DESCRIPTORS - len(opened)
        os.write(2, b"etherd: the limit of open files is too low: %d more are needed\n" % needed)
        os._exit(1)
    finally:
        for descriptor in opened:
            os.close(descriptor)
