"""What requests mean: commands, principals, handles and quotas.

Rule: no socket, no event loop and no bytes of blocks; those are the stores'.
"""
