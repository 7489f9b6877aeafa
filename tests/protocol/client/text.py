"""What the blocks of these tests hold.

Rule: a byte tells where it stands, so that a shifted range is noticed.
"""

from __future__ import annotations

TEXT = bytes(range(256)) * 4
"""1 KiB."""
