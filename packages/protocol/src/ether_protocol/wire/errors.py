"""Everything a client of Ether can be told by an exception.

Rule: one small tree under `EtherError`; a message names the command, the
handle and the range, never the bytes.
"""

from __future__ import annotations

from .constants import ErrorCode


class EtherError(Exception):
    """Anything that went wrong between a program and its remote memory."""


class ProtocolError(EtherError):
    """Bytes or fields that the protocol does not allow."""


class LocalProtocolError(ProtocolError):
    """The own side tried to send a message that the protocol has no form for."""


class RemoteProtocolError(ProtocolError):
    """The peer sent bytes that are no message; the connection can't go on."""


class ConnectionLost(EtherError):
    """There is no connection, or it ended before a repeatable request was answered.

    Nothing was changed by the request, so it may be made again.  Of a range that
    goes in several messages those that were answered before it have been carried out.
    """


class TimedOut(ConnectionLost, TimeoutError):
    """The server said nothing for longer than the client's `timeout`, and was left."""


class ServerRestarted(ConnectionLost):
    """Another set of blocks stands behind the address: handles of before are void."""


class OutcomeUnknown(EtherError):
    """The connection ended after a request was sent: it may or may not have been carried out."""


class ServerError(EtherError):
    """The server refused a request.

    `code` is the number from the wire (docs/protocol.md, "Error codes").
    """

    code: int = 0

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code

    @property
    def name(self) -> str:
        """The code's name, such as `NOT_FOUND`; `CODE_99` for one unknown here."""
        try:
            return ErrorCode(self.code).name
        except ValueError:
            return f"CODE_{self.code}"


class NoMemory(ServerError):
    """The server's memory limit or handle limit is reached."""

    code: int = ErrorCode.NO_MEMORY


class InvalidRequest(ServerError):
    """A field or a body has a value that makes no sense, such as an ALLOC of 0 bytes."""

    code: int = ErrorCode.INVALID


class CorruptStream(ServerError):
    """The server could not find a message in the bytes it got, and closes."""

    code: int = ErrorCode.CORRUPT


class OutOfRange(ServerError):
    """The range is not inside the block."""

    code: int = ErrorCode.OVERFLOW


class NotFound(ServerError):
    """No block has this handle."""

    code: int = ErrorCode.NOT_FOUND


class Unauthenticated(ServerError):
    """The server wants an AUTH first."""

    code: int = ErrorCode.UNAUTHENTICATED


class Forbidden(ServerError):
    """The server does not serve this peer or this command."""

    code: int = ErrorCode.FORBIDDEN


class QuotaExceeded(ServerError):
    """A quota of this principal is reached."""

    code: int = ErrorCode.QUOTA


class TooLarge(ServerError):
    """More bytes than one message may carry or touch."""

    code: int = ErrorCode.TOO_LARGE


class Unsupported(ServerError):
    """The server does not know this command, version or flag."""

    code: int = ErrorCode.UNSUPPORTED


class ServerBusy(ServerError):
    """The server has no room for this just now; later it may."""

    code: int = ErrorCode.BUSY


_BY_CODE: dict[int, type[ServerError]] = {
    int(kind.code): kind for kind in ServerError.__subclasses__()
}


def server_error(code: int, message: str) -> ServerError:
    """The exception for an ERROR reply with `code` and `message`; any code gives one."""
    return _BY_CODE.get(code, ServerError)(message, code)
