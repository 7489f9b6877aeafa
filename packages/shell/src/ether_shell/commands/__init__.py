"""What the shell can do: one file a theme, and `catalogue` puts all commands together.

Rule: a theme's file holds what its commands give back (results), what they do
(handlers) and how they are called (declarations).  It formats nothing and
prints nothing; how its results look stands in the file of the same name in
`views`.
"""
