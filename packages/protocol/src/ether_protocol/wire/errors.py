"""The exceptions of the package.

Rule: one small tree under `EtherError`; a message names the command, the
handle and the range, never the bytes.
"""

from __future__ import annotations

from .constants import ErrorCode


class EtherError(Exception):
    """The base class of the exceptions of this package."""


class ProtocolError(EtherError):
    """Bytes or values that the protocol does not allow.

    See "Bad input" in docs/protocol.md.
    """


class LocalProtocolError(ProtocolError):
    """A value does not fit any message, so the request was not sent.

    See "Headers" in docs/protocol.md.
    """


class RemoteProtocolError(ProtocolError):
    """The peer sent bytes that are no valid message; the connection is closed.

    See "What a client does with a fault" in docs/protocol.md.
    """


class ConnectionLost(EtherError):
    """No connection could be opened, it is closed, or it ended before the request was answered.

    Raised only where the request changed nothing and may be made again, else
    OutcomeUnknown is raised.  Of a range that takes several messages, those
    that were answered have been carried out.

    See "Connections" in docs/protocol.md.
    """


class TimedOut(ConnectionLost, TimeoutError):
    """The server was silent for longer than the client's `timeout`; the connection is closed.

    See "What a client does with a fault" in docs/protocol.md.
    """


class ServerRestarted(ConnectionLost):
    """The server at the address holds another set of blocks: earlier handles are void.

    Raised after a reconnection whose HELLO has another instance than before.

    See "Connections" in docs/protocol.md.
    """


class OutcomeUnknown(EtherError):
    """The connection ended after a request was sent: it was carried out whole or not at all.

    Raised for requests that change something, such as WRITE and ALLOC.

    See "Connections" in docs/protocol.md.
    """


class ServerError(EtherError):
    """The server refused a request, which changed nothing.

    Known codes are raised as subclasses, any other code as this class.

    Args:
        message: The request and what the server said about it.
        code: The number on the wire.  Default: the code of the class.

    See "Error codes" in docs/protocol.md.
    """

    code: int = 0
    """The number on the wire."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code

    @property
    def name(self) -> str:
        """The name of the code, such as `NOT_FOUND`, or `CODE_99` for an unknown one."""
        try:
            return ErrorCode(self.code).name
        except ValueError:
            return f"CODE_{self.code}"


class NoMemory(ServerError):
    """The server's memory limit or handle limit is reached.

    Raised for error code NO_MEMORY (1).

    See "Error codes" in docs/protocol.md.
    """

    code: int = ErrorCode.NO_MEMORY


class InvalidRequest(ServerError):
    """A field or body has a value that is not allowed, such as an ALLOC of 0 bytes.

    Raised for error code INVALID (2).

    See "Error codes" in docs/protocol.md.
    """

    code: int = ErrorCode.INVALID


class CorruptStream(ServerError):
    """The server received bytes that are no message, and closes the connection.

    Raised for error code CORRUPT (3).

    See "Error codes" in docs/protocol.md.
    """

    code: int = ErrorCode.CORRUPT


class OutOfRange(ServerError):
    """The range is not inside the block.

    Raised for error code OVERFLOW (4).

    See "Error codes" in docs/protocol.md.
    """

    code: int = ErrorCode.OVERFLOW


class NotFound(ServerError):
    """No block has this handle, or it belongs to another principal.

    Raised for error code NOT_FOUND (7).

    See "Error codes" in docs/protocol.md.
    """

    code: int = ErrorCode.NOT_FOUND


class Unauthenticated(ServerError):
    """The server wants a token and got none, or does not accept the one it got.

    Raised for error code UNAUTHENTICATED (8).

    See "Error codes" in docs/protocol.md.
    """

    code: int = ErrorCode.UNAUTHENTICATED


class Forbidden(ServerError):
    """The server does not serve this peer or this command.

    Raised for error code FORBIDDEN (9).

    See "Error codes" in docs/protocol.md.
    """

    code: int = ErrorCode.FORBIDDEN


class QuotaExceeded(ServerError):
    """A quota of this principal is reached.

    Raised for error code QUOTA (10).

    See "Error codes" in docs/protocol.md.
    """

    code: int = ErrorCode.QUOTA


class TooLarge(ServerError):
    """The request has or touches more bytes than one message may.

    Raised for error code TOO_LARGE (11).

    See "Error codes" in docs/protocol.md.
    """

    code: int = ErrorCode.TOO_LARGE


class Unsupported(ServerError):
    """The server does not know this command, version or flag.

    Raised for error code UNSUPPORTED (12).

    See "Error codes" in docs/protocol.md.
    """

    code: int = ErrorCode.UNSUPPORTED


class ServerBusy(ServerError):
    """The limit of connections is reached; a later attempt may succeed.

    Raised for error code BUSY (13).

    See "Error codes" in docs/protocol.md.
    """

    code: int = ErrorCode.BUSY


_BY_CODE: dict[int, type[ServerError]] = {
    int(kind.code): kind for kind in ServerError.__subclasses__()
}


def server_error(code: int, message: str) -> ServerError:
    """The exception for an ERROR reply with `code`, known or not."""
    return _BY_CODE.get(code, ServerError)(message, code)
