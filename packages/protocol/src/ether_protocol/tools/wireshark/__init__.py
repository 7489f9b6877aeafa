"""The `wireshark` tool: prints a dissector in Lua, made from `wire.schema`.

Rule: this file only names the entry point.
"""

from .generator import main

__all__ = ["main"]
