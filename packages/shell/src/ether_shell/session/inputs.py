"""Where the bytes of DATA and FILE come from: the line itself, a file, standard input.

Rule: every file that a command reads is opened here, and no more of it is held at a time than
one message carries. (The configuration, the history and scripts are read elsewhere.)
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
from ether_shell.problems import UsageError


class Inputs:
    """Opens the sources. Without `standard_input`, `@-` is refused with `reason`."""

    def __init__(self, standard_input: BinaryIO | None, reason: str = "") -> None:
        self._standard_input = standard_input
        self._reason = reason

    def size(self, data: Data) -> int | None:
        """The length of `data` in bytes, None where only reading tells, as for a pipe.

        Raises UsageError where the source can't be read.
        """
        if not isinstance(data, FromFile):
            return len(data)
        with self._readable(data) as stream:
            try:
                status = os.fstat(stream.fileno())
            except io.UnsupportedOperation:  # a stream without a descriptor
                return None
            if not stat.S_ISREG(status.st_mode):
                return None
            return max(0, status.st_size - stream.tell())

    def chunks(self, data: Data, most: int = MAX_PAYLOAD_BYTES) -> Iterator[bytes]:
        """The bytes of `data` in chunks of at most `most` bytes; at least one chunk.

        Raises UsageError where the source can't be read.
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
            raise UsageError(f"can't read {data.path}: {reason}", data.at) from None

    def _open(self, data: FromFile) -> nullcontext[BinaryIO] | BinaryIO:
        if data.path != STANDARD_INPUT:
            return open(os.path.expanduser(data.path), "rb")
        if self._standard_input is None:
            raise UsageError(self._reason, data.at)
        return nullcontext(self._standard_input)
