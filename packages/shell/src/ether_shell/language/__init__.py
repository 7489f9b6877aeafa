"""From a line of text to a command and its values.

Rule: pure; no connection, no file, no terminal. Messages may name commands (`alloc makes one`),
but no decision depends on the name of a command.
"""
