"""The life of the program: its parts are put together, and lines come from a user or a script.

Rule: what a line means is decided in the layers below.
"""
