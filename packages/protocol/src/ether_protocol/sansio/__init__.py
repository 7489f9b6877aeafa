"""Both ends of a connection without a socket: bytes in, messages out, and back.

Rule: no I/O and no clock; whoever owns the socket moves the bytes.
"""
