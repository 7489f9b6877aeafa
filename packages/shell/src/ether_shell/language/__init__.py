"""From a line of text to a command and its values.

Rule: pure.  No command is known by name here, no connection, no file, no terminal.
"""
