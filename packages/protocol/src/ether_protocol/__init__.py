"""Ether's protocol: the wire format, both ends of a connection, and a client.

Rule: this file only hands names on; every name in `__all__` is public and
documented where it is defined.
"""

from .address import Address, parse_address
from .bodies import BlockInfo, Hello
from .client.block import Block
from .client.blocking import Client, connect
from .client.operations import Progress
from .client.pipeline import Pipeline
from .client.recording import Pending
from .client.retry import Retry
from .client.tracing import Trace, Traced
from .connection import ClientConnection, Refused, ServerConnection
from .dissection import Field, dissect, dissect_bytes
from .errors import (
    ConnectionLost,
    CorruptStream,
    EtherError,
    Forbidden,
    InvalidRequest,
    LocalProtocolError,
    NoMemory,
    NotFound,
    OutcomeUnknown,
    OutOfRange,
    ProtocolError,
    QuotaExceeded,
    RemoteProtocolError,
    ServerBusy,
    ServerError,
    ServerRestarted,
    TimedOut,
    TooLarge,
    Unauthenticated,
    Unsupported,
)
from .fieldtable import format_fields
from .messages import Message
from .sizes import format_size, parse_size
from .vocabulary import (
    DEFAULT_PORT,
    MAX_PAYLOAD_BYTES,
    VERSION_1,
    VERSION_2,
    AllocFlag,
    Command,
    ErrorCode,
)

__version__ = "0.1.0"

__all__ = [
    "DEFAULT_PORT",
    "MAX_PAYLOAD_BYTES",
    "VERSION_1",
    "VERSION_2",
    "Address",
    "AllocFlag",
    "Block",
    "BlockInfo",
    "Client",
    "ClientConnection",
    "Command",
    "ConnectionLost",
    "CorruptStream",
    "ErrorCode",
    "EtherError",
    "Field",
    "Forbidden",
    "Hello",
    "InvalidRequest",
    "LocalProtocolError",
    "Message",
    "NoMemory",
    "NotFound",
    "OutOfRange",
    "OutcomeUnknown",
    "Pending",
    "Pipeline",
    "Progress",
    "ProtocolError",
    "QuotaExceeded",
    "Refused",
    "RemoteProtocolError",
    "Retry",
    "ServerBusy",
    "ServerConnection",
    "ServerError",
    "ServerRestarted",
    "TimedOut",
    "TooLarge",
    "Trace",
    "Traced",
    "Unauthenticated",
    "Unsupported",
    "connect",
    "dissect",
    "dissect_bytes",
    "format_fields",
    "format_size",
    "parse_address",
    "parse_size",
]
