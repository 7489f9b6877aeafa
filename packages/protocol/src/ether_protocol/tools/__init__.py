"""Command-line tools for the protocol; `ether_protocol.__main__` has the table of them.

Rule: nothing outside this folder imports it, except `__main__` for the chosen tool.
"""
