"""Where a connection comes from, as far as its transport vouches for it.

Rule: facts that a client can't choose: what the kernel or a verified
certificate says, never a byte that the client sent.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ether_protocol.sockets import is_loopback
from ether_protocol.wire.address import Address

_CREDENTIALS = struct.Struct("3i")  # of struct ucred: process, user, group


@dataclass(frozen=True, slots=True)
class Origin:
    """The other end of a connection."""

    text: str
    """The client, as log lines name it."""
    local: bool
    """Whether it is on this machine."""
    uid: int | None = None
    """The user at the other end of a Unix socket."""
    certificate: str | None = None
    """The common name in a certificate that was verified."""


def origin_of(transport: asyncio.BaseTransport) -> Origin:
    """Where the connection of `transport` comes from."""
    address = transport.get_extra_info("peername")
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family == socket.AF_UNIX:
        return _of_unix(sock)
    here = transport.get_extra_info("sockname")
    certificate = _common_name(transport.get_extra_info("peercert"))
    return Origin(_text(address), is_local(address, here), certificate=certificate)


def is_local(address: object, here: object = None) -> bool:
    """Whether a peer's socket address belongs to this machine.

    Loopback, a path, or the very address `here` that it has connected to.  A peer
    that reset its connection before it was accepted has no address any more,
    though what it sent can still be read: it may be from anywhere.
    """
    if isinstance(address, tuple):
        return is_loopback(str(address[0])) or (
            isinstance(here, tuple) and bool(address[0]) and address[0] == here[0]
        )
    return isinstance(address, str | bytes)


def _of_unix(sock: socket.socket) -> Origin:
    try:
        data = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    except (OSError, AttributeError):  # only Linux has it
        return Origin("a local socket", True)
    process, user, _ = _CREDENTIALS.unpack(data)
    return Origin(f"process {process} of user {user}", True, user)


def _common_name(certificate: Mapping[str, Any] | None) -> str | None:
    """The one common name of a certificate as Python shows a verified one."""
    parts = itertools.chain.from_iterable((certificate or {}).get("subject", ()))
    names = [value for kind, value in parts if kind == "commonName"]
    return str(names[0]) if len(names) == 1 else None


def _text(address: object) -> str:
    if isinstance(address, tuple) and len(address) >= 2:
        return str(Address(*address[:2]))
    return "a client that has gone already" if address is None else str(address or "a local socket")
