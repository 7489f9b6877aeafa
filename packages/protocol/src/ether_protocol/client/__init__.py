"""Clients: programs' ends of a connection, with a socket.

Rule: what all clients share (`operations`, `transfer`, `recording`, `slices`)
knows no socket; the rest is thin around it.
"""
