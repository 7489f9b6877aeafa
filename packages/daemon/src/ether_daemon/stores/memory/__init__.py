"""The store in the memory of this process.

Rule: it answers at once, wherever memory need not be wiped first.
"""
