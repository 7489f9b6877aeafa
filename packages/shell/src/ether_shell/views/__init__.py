"""How results look, as text and as JSON: one file per theme of `commands`, with the same name.

Rule: pure; results in, text out.

The folder is flat for the same reason as `commands`. What the views draw with is in `drawing`.
"""
