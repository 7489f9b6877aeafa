"""One line at a time: run it, write its results, report its errors.

Rule: nothing here knows whether lines come from a user or from a script, except by a flag.
"""
