"""The conformance check: tests any server against the rules of docs/protocol.md.

Rule: it uses plain sockets and expects of a server only what the document
promises.  `themes` hold the rules, `runner` checks them, `report` formats the
findings.
"""

from .command import main

__all__ = ["main"]
