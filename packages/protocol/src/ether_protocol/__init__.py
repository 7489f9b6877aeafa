"""Ether's protocol: the wire format, both ends of a connection, and a client.

Rule: this file only hands names on; every name in `__all__` is public and
documented where it is defined.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .address import Address, parse_address
from .bodies import BlockInfo, Hello
from .client.block import Block
from .client.blocking import Client, connect
from .client.operations import Progress
from .client.pipeline import Pipeline
from .client.pool import Pool
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

if TYPE_CHECKING:
    from .client.async_block import AsyncBlock
    from .client.async_pipeline import AsyncPipeline
    from .client.asynchronous import AsyncClient, connect_async

__version__ = "0.1.0"

# asyncio takes as long to import as all the rest, and most programs have no use for it.
_ON_DEMAND = {
    "AsyncBlock": "async_block",
    "AsyncClient": "asynchronous",
    "AsyncPipeline": "async_pipeline",
    "connect_async": "asynchronous",
}

__all__ = [
    "DEFAULT_PORT",
    "MAX_PAYLOAD_BYTES",
    "VERSION_1",
    "VERSION_2",
    "Address",
    "AllocFlag",
    "AsyncBlock",
    "AsyncClient",
    "AsyncPipeline",
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
    "Pool",
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
    "connect_async",
    "dissect",
    "dissect_bytes",
    "format_fields",
    "format_size",
    "parse_address",
    "parse_size",
]


def __getattr__(name: str) -> object:
    if name not in _ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".client.{_ON_DEMAND[name]}", __name__), name)
