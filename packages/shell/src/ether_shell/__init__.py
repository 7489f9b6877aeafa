"""ether-shell: remote memory by hand and in scripts.

Rule: this file only names the program and its version; the command line is in `cli`, and the
README of this package walks the files in reading order.
"""

__version__ = "0.1.0"

PROGRAM = "ether-shell"

__all__ = ["PROGRAM", "__version__"]
