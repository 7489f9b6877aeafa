"""The `wireshark` tool: a dissector in Lua, printed from the declarations.

Rule: this file only hands on where the tool begins.
"""

from .generator import main

__all__ = ["main"]
