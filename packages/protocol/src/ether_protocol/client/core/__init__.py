"""What the blocking and the asyncio client share: decisions, without a socket.

Rule: no socket and no event loop; whoever drives a generator or a transfer does the I/O.
"""
