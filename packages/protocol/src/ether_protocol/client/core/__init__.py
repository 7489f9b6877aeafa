"""What the blocking and the asyncio client share: decisions, without a socket.

Rule: no socket and no event loop; a client drives the generators, and does the I/O.
"""
