"""How bytes get to a server and back: one file for each kind of connection.

Rule: bytes only; no transport knows a message.
"""
