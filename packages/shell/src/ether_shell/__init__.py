"""ether-shell: remote memory by hand and in scripts.

Rule: only the name and the version are here; the command line is in `command.cli`. The README
of the package lists the files in reading order.
"""

__version__ = "0.1.0"

PROGRAM = "ether-shell"

__all__ = ["PROGRAM", "__version__"]
