"""Where the bytes of DATA come from: the line itself, a file, standard input.

Rule: this is the only file that opens what a person names with `@`, and it
holds no more of it at a time than one message carries.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import nullcontext
from typing import BinaryIO

from ether_protocol import MAX_PAYLOAD_BYTES

from .grammar import STANDARD_INPUT
from .problems import Misuse
from .values import Data, FromFile


class Inputs:
    """Opens sources.  `standard_input` is None where `@-` can't be served, `reason` says why."""

    def __init__(self, standard_input: BinaryIO | None, reason: str = "") -> None:
        self._standard_input = standard_input
        self._reason = reason

    def chunks(self, data: Data) -> Iterator[bytes]:
        """The bytes that `data` stands for, in chunks of at most 16 MiB and at least one chunk.

        Raises Misuse where they can't be had.
        """
        if not isinstance(data, FromFile):
            yield data
            return
        try:
            with self._open(data) as stream:
                chunk = stream.read(MAX_PAYLOAD_BYTES)
                yield chunk
                while chunk := stream.read(MAX_PAYLOAD_BYTES):
                    yield chunk
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise Misuse(f"can't read {data.path}: {reason}", data.at) from None

    def _open(self, data: FromFile) -> nullcontext[BinaryIO] | BinaryIO:
        if data.path != STANDARD_INPUT:
            return open(os.path.expanduser(data.path), "rb")
        if self._standard_input is None:
            raise Misuse(self._reason, data.at)
        return nullcontext(self._standard_input)
