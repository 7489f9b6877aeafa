"""etherd, the daemon: it hands out zeroed blocks of bytes under opaque handles."""
