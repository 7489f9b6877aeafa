"""The `decode` tool: bytes however they were kept, as the messages in them.

Rule: this file only hands on where the tool begins.
"""

from .command import main

__all__ = ["main"]
