"""Command-line tools for the protocol; `ether_protocol.__main__` has the table of them.

Rule: a client or a server needs nothing from here, and nothing here is imported by them.
"""
