"""Ether's protocol: the wire format, both ends of a connection, and clients.

Rule: this file only hands names on, and imports each one when it is first asked
for; every name in `__all__` is public and documented where it is defined.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .client.aio.block import AsyncBlock
    from .client.aio.client import AsyncClient, connect_async
    from .client.aio.pipeline import AsyncPipeline
    from .client.blocking.block import Block
    from .client.blocking.client import Client, connect
    from .client.blocking.pipeline import Pipeline
    from .client.blocking.pool import Pool
    from .client.core.operations import Progress
    from .client.core.pending import Pending
    from .client.core.retry import Retry
    from .client.core.tracing import Trace, Traced
    from .inspect.dissect import dissect, dissect_bytes
    from .inspect.field import Field
    from .inspect.field_table import format_fields
    from .sansio.client import ClientConnection
    from .sansio.server import Refused, ServerConnection
    from .wire.address import (
        Address,
        ServerAddress,
        TlsAddress,
        UnixAddress,
        parse_address,
    )
    from .wire.bodies import BlockInfo, Hello
    from .wire.constants import (
        DEFAULT_PORT,
        MAX_PAYLOAD_BYTES,
        VERSION_1,
        VERSION_2,
        AllocFlag,
        Command,
        ErrorCode,
    )
    from .wire.errors import (
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
    from .wire.messages import Message
    from .wire.sizes import format_size, parse_size

__version__ = "0.1.0"

# A daemon needs no client, and most programs no asyncio: each import costs its milliseconds.
_MODULES = {
    ".client.aio.block": ("AsyncBlock",),
    ".client.aio.client": (
        "AsyncClient",
        "connect_async",
    ),
    ".client.aio.pipeline": ("AsyncPipeline",),
    ".client.blocking.block": ("Block",),
    ".client.blocking.client": (
        "Client",
        "connect",
    ),
    ".client.blocking.pipeline": ("Pipeline",),
    ".client.blocking.pool": ("Pool",),
    ".client.core.operations": ("Progress",),
    ".client.core.pending": ("Pending",),
    ".client.core.retry": ("Retry",),
    ".client.core.tracing": (
        "Trace",
        "Traced",
    ),
    ".inspect.dissect": (
        "dissect",
        "dissect_bytes",
    ),
    ".inspect.field": ("Field",),
    ".inspect.field_table": ("format_fields",),
    ".sansio.client": ("ClientConnection",),
    ".sansio.server": (
        "Refused",
        "ServerConnection",
    ),
    ".wire.address": (
        "Address",
        "ServerAddress",
        "TlsAddress",
        "UnixAddress",
        "parse_address",
    ),
    ".wire.bodies": (
        "BlockInfo",
        "Hello",
    ),
    ".wire.constants": (
        "AllocFlag",
        "Command",
        "DEFAULT_PORT",
        "ErrorCode",
        "MAX_PAYLOAD_BYTES",
        "VERSION_1",
        "VERSION_2",
    ),
    ".wire.errors": (
        "ConnectionLost",
        "CorruptStream",
        "EtherError",
        "Forbidden",
        "InvalidRequest",
        "LocalProtocolError",
        "NoMemory",
        "NotFound",
        "OutOfRange",
        "OutcomeUnknown",
        "ProtocolError",
        "QuotaExceeded",
        "RemoteProtocolError",
        "ServerBusy",
        "ServerError",
        "ServerRestarted",
        "TimedOut",
        "TooLarge",
        "Unauthenticated",
        "Unsupported",
    ),
    ".wire.messages": ("Message",),
    ".wire.sizes": (
        "format_size",
        "parse_size",
    ),
}
_SUBPACKAGES = ("client", "inspect", "sansio", "tools", "wire")
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

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
    "ServerAddress",
    "ServerBusy",
    "ServerConnection",
    "ServerError",
    "ServerRestarted",
    "TimedOut",
    "TlsAddress",
    "TooLarge",
    "Trace",
    "Traced",
    "Unauthenticated",
    "UnixAddress",
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
    if name in _SUBPACKAGES:
        return import_module(f".{name}", __name__)
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULE_OF[name], __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
