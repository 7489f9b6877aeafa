"""Where the bytes of DATA come from: the line itself, a file, standard input.

Rule: this is the only file that reads what a person names, and it
holds no more of it at a time than one message carries.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import BinaryIO

from ether_protocol import MAX_PAYLOAD_BYTES
from ether_shell.language.grammar import STANDARD_INPUT
from ether_shell.language.values import Data, FromFile

from .problems import Misuse


class Inputs:
    """Opens sources.  `standard_input` is None where `@-` can't be served, `reason` says why."""

    def __init__(self, standard_input: BinaryIO | None, reason: str = "") -> None:
        self._standard_input = standard_input
        self._reason = reason

    def size(self, data: Data) -> int | None:
        """How many bytes `data` stands for, None where only reading tells, as of a pipe.

        Raises Misuse where they can't be had.
        """
        if not isinstance(data, FromFile):
            return len(data)
        with self._readable(data) as stream:
            try:
                status = os.fstat(stream.fileno())
            except io.UnsupportedOperation:  # a stream that is no file at all
                return None
            if not stat.S_ISREG(status.st_mode):
                return None
            return max(0, status.st_size - stream.tell())

    def chunks(self, data: Data, most: int = MAX_PAYLOAD_BYTES) -> Iterator[bytes]:
        """The bytes that `data` stands for, in chunks of at most `most` and at least one chunk.

        Raises Misuse where they can't be had.
        """
        if not isinstance(data, FromFile):
            for start in range(0, len(data) or 1, most):
                yield data[start : start + most]
            return
        with self._readable(data) as stream:
            chunk = stream.read(most)
            yield chunk
            while chunk := stream.read(most):
                yield chunk

    @contextmanager
    def _readable(self, data: FromFile) -> Iterator[BinaryIO]:
        try:
            with self._open(data) as stream:
                yield stream
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise Misuse(f"can't read {data.path}: {reason}", data.at) from None

    def _open(self, data: FromFile) -> nullcontext[BinaryIO] | BinaryIO:
        if data.path != STANDARD_INPUT:
            return open(os.path.expanduser(data.path), "rb")
        if self._standard_input is None:
            raise Misuse(self._reason, data.at)
        return nullcontext(self._standard_input)
