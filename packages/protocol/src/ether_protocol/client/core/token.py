"""Where a client's token comes from, and what may be sent as one.

Rule: a token is in no message, no `repr` and no exception, not even in one that
another exception hides.
"""

from __future__ import annotations

import os
from typing import TypeAlias

from ether_protocol.wire.constants import MAX_TOKEN_BYTES
from ether_protocol.wire.errors import LocalProtocolError

FilePath: TypeAlias = str | os.PathLike[str]
"""The name of a file."""


def token_bytes(token: str | bytes) -> bytes:
    """What is sent for `token`; raises TypeError and ValueError, which do not show it."""
    if not isinstance(token, str | bytes):
        raise TypeError(f"a token is str or bytes, not {type(token).__name__}")
    # A UnicodeEncodeError would keep the whole text, so none is raised.
    if isinstance(token, str):
        token = token.encode("utf-8", "surrogatepass")
    problem = _problem(token)
    if problem:
        raise ValueError(f"the token {problem}")
    return token


def read_token(path: FilePath) -> bytes:
    """The token in a file, without white space around it; raises LocalProtocolError."""
    try:
        with open(path, "rb") as file:
            # A file that is something else, such as /dev/zero, is not read to its end.
            token = file.read(2 * MAX_TOKEN_BYTES).strip()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise LocalProtocolError(f"can't read the token from {os.fspath(path)}: {reason}") from None
    problem = _problem(token)
    if problem:
        raise LocalProtocolError(f"the token in {os.fspath(path)} {problem}")
    return token


def _problem(token: bytes) -> str:
    if not token:
        return "is empty"
    if len(token) > MAX_TOKEN_BYTES:
        return f"is longer than {MAX_TOKEN_BYTES:,} bytes"
    if any(byte in b"\r\n\0" for byte in token):
        return "is more than one line"
    return ""
