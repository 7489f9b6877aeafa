"""What a user starts: the command line, the configuration file, completion scripts.

Rule: an import of this package loads nothing, so that `entry` can catch Ctrl-C first.
"""
