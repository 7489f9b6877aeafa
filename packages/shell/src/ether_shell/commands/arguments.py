"""Arguments and options that several themes share.

Rule: declarations only.
"""

from __future__ import annotations

from typing import Final

from ether_shell.language.declaration import Argument, Option
from ether_shell.language.values import HANDLE, SIZE

BLOCK: Final = Argument("handle", HANDLE, "the block")
AT: Final = Option("at", "first byte of the range in the block (0)", SIZE, default=0)
