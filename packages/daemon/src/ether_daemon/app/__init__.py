"""The life of the process: its parts are built here, run, counted and shut down.

Rule: this is the one place that knows all parts; no part knows it.
"""
