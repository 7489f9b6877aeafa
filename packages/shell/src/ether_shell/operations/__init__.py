"""Building blocks of commands: ranges in steps, size checks, confirmation, interrupts, latencies.

Rule: no command and no result is known here.
"""
