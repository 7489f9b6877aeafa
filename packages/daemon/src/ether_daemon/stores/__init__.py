"""Where the bytes of blocks live: the contract, and a folder for each store.

Rule: a store knows bytes and refs; no handle, no principal, no wire.
"""
