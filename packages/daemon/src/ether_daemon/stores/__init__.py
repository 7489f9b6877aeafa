"""Where the bytes of blocks live: the contract, and a folder for each store.

Rule: a store knows bytes and refs.  What the service calls a block it may keep, and
never looks at.
"""
