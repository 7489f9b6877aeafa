"""`etherd` with one flaw of `flaws.py`: its name comes first, etherd's own arguments follow.

Rule: everything but the flaw is the real daemon.
"""

from __future__ import annotations

import sys

from flaws import FLAWS

if __name__ == "__main__":
    FLAWS[sys.argv[1]]()
    from ether_daemon.command.cli import main

    main(sys.argv[2:])
