"""How bytes get to a server and back, a file for each kind of connection.

Rule: bytes only; no transport knows a message.
"""
