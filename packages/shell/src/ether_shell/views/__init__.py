"""How results look, to a person and as JSON.

Rule: pure.  Results in, text out; a file for each theme of `commands`, beside
those that several themes draw with.
"""
