"""The conformance check: plays the contract of docs/protocol.md against any server.

Rule: it speaks over plain sockets, and asks nothing of a server but what the
contract promises.  `themes` say what must hold, `runner` tries it, `report`
tells it.
"""

from .command import main

__all__ = ["main"]
