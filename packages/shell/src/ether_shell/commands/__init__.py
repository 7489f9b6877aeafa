"""What the shell can do: one file per theme; `catalogue` puts all commands together.

Rule: a theme's file holds the results of its commands, their handlers and their declarations.
It formats nothing and prints nothing; how the results look is in the file of the same name
in `views`.

The folder is flat although it has more than a dozen files: the themes are peers, each has one
file here and one in `views`, and both are found by name. What themes share is in `operations`.
"""
