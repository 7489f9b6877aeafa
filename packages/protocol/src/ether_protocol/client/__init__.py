"""Clients: a program's end of a connection, with a socket.

Rule: `core` has the decisions and knows no socket; `blocking` and `aio` are
thin around it and do not import each other; `transports` moves bytes.
"""
