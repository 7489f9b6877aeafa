"""The `decode` tool: shows the messages in hex text, raw bytes or a network capture.

Rule: this file only names the entry point.
"""

from .command import main

__all__ = ["main"]
