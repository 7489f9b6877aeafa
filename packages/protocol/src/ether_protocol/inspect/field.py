"""One field of a message, as `dissect` finds it.

Rule: nothing here imports construct, so that a client may name the type.
"""

from __future__ import annotations

from dataclasses import dataclass

_SHOWN_IN_LINE_BYTES = 8


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message.

    Args:
        offset: Where the field begins, in bytes from the message's first byte.
        data: The field's bytes; only the first 256 of a longer field.
        name: Such as `command` or `counters[0].name`; `undecoded` for bytes that do not parse.
        value: A number, or text that is safe to print.
    """

    offset: int
    data: bytes
    name: str
    value: int | str

    def __str__(self) -> str:
        """One line for a log: `+5 command = ALLOC (10)`."""
        shown = self.data[:_SHOWN_IN_LINE_BYTES].hex().upper()
        more = "…" if len(self.data) > _SHOWN_IN_LINE_BYTES else ""
        return f"+{self.offset} {self.name} = {self.value} ({shown}{more})"
