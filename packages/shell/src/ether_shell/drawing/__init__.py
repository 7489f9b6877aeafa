"""What views draw with: rows of bytes, wrapped text, bars, units, colours.

Rule: pure; values in, text out, and no result of a command is known here.
"""
