"""etherd, the daemon: it hands out zeroed blocks of bytes under opaque handles."""

__version__ = "0.1.0"
