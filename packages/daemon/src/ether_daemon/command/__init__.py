"""What a person starts: flags, configuration file, background process, log set-up.

Rule: nothing is decided here about serving.
"""
