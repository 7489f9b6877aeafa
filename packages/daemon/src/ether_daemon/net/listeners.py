"""The sockets that clients connect to.

Rule: what listens is opened here, and nowhere else.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ether_daemon.settings import CannotStart, Settings
from ether_protocol.sockets import is_loopback
from ether_protocol.wire.address import Address

from .tls import TlsListener
from .unix_socket import UnixSocketFile

BACKLOG = 511
_ACCEPTED_AT_ONCE = 1
"""What asyncio's own loop accepts in a round.  Where no descriptor is left, it tries all the same
so often, and each time has a pause begin behind which it tries so often again."""

TLS_SCHEME = "ethers://"
TLS_NAME = "tls"
"""The name of a socket passed by systemd on which TLS is spoken, beside plain ones."""

NewConnection = Callable[[], asyncio.BaseProtocol]


class Listeners:
    """Everything that one server listens on."""

    def __init__(self, connection: NewConnection) -> None:
        """Each client is served by a new `connection`."""
        self.where: list[str] = []
        """Where it listens, as a person writes it."""
        self.sockets: list[socket.socket] = []
        self.readable: list[str] = []
        """Those of them that other machines reach unencrypted."""
        self._connection = connection
        self._servers: list[asyncio.Server] = []
        self._tls: list[TlsListener] = []
        self._files: list[UnixSocketFile] = []

    async def open(self, settings: Settings, context: ssl.SSLContext | None = None) -> None:
        """Listen where `settings` say; raises CannotStart, and then nothing is left open.

        `context` is what connections are encrypted with where they are.
        """
        tls_port = settings.port if settings.tls is None else settings.tls.port
        try:
            if settings.tcp:
                for sock in await tcp_sockets(settings.host, settings.port):
                    await self._serve(sock, context if tls_port is None else None)
            if settings.tls is not None and settings.tls.port is not None:
                for sock in await tcp_sockets(settings.host, settings.tls.port):
                    await self._serve(sock, context)
            for passed in settings.passed:
                sock = socket.socket(fileno=passed.descriptor)
                tcp = sock.family != socket.AF_UNIX
                encrypted = passed.name == TLS_NAME or (tls_port is None and tcp)
                await self._serve(sock, context if encrypted else None)
            for path in settings.unix:
                await self._serve_unix(path, settings.unix_mode)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Listen no more, and remove the files of Unix sockets; connections go on."""
        for file in self._files:
            file.remove()
        # uvloop waits for an open listener when it is closed itself.
        for server in self._servers:
            server.close()
        for listener in self._tls:
            listener.close()
        self._files, self._servers, self._tls = [], [], []

    def encrypt_with(self, context: ssl.SSLContext) -> None:
        """Use another certificate from the next handshake on."""
        for listener in self._tls:
            listener.context = context

    async def _serve_unix(self, path: Path, mode: int) -> None:
        try:
            file = UnixSocketFile(path, mode, BACKLOG)
        except OSError as error:
            raise _cannot_listen(str(path), error) from None
        self._files.append(file)
        await self._serve(file.sock)

    async def _serve(self, sock: socket.socket, context: ssl.SSLContext | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.sockets.append(sock)
        self.where.append(name_of(sock) if context is None else f"{TLS_SCHEME}{name_of(sock)}")
        if context is None and _is_reached_from_elsewhere(sock):
            self.readable.append(name_of(sock))
        if context is not None:
            listener = TlsListener(sock, self._connection, context)
            self._tls.append(listener)
            listener.start(BACKLOG)
            return
        if sock.family == socket.AF_UNIX:
            server = await self._serve_path(sock)
        else:
            server = await loop.create_server(
                self._connection, sock=sock, backlog=_ACCEPTED_AT_ONCE
            )
        sock.listen(BACKLOG)  # asyncio has one number for both
        self._servers.append(server)

    async def _serve_path(self, sock: socket.socket) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        # Newer loops remove the file by themselves, one of systemd's, too.
        kept: Any = {"cleanup_socket": False}
        try:
            return await loop.create_unix_server(
                self._connection, sock=sock, backlog=_ACCEPTED_AT_ONCE, **kept
            )
        except TypeError:
            return await loop.create_unix_server(
                self._connection, sock=sock, backlog=_ACCEPTED_AT_ONCE
            )


async def tcp_sockets(host: str, port: int) -> list[socket.socket]:
    """A bound socket for each address of `host`; raises CannotStart."""
    loop = asyncio.get_running_loop()
    sockets: list[socket.socket] = []
    try:
        found = await loop.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        only_family = len({family for family, *_ in found}) == 1
        for family, kind, protocol, _, address in dict.fromkeys(found):
            with suppress(_NoSuchFamily):
                sockets.append(_bound(family, kind, protocol, address, only_family))
    except UnicodeError:  # the codec of host names
        reason = "this is no name of a host"
        raise CannotStart(f"can't listen on {Address(host, port)}: {reason}") from None
    except OSError as error:
        for sock in sockets:
            sock.close()
        raise _cannot_listen(str(Address(host, port)), error) from None
    if not sockets:
        raise CannotStart(f"can't listen on {Address(host, port)}: it has no address here")
    return sockets


class _NoSuchFamily(Exception):
    """The kernel was built without this kind of address."""


def _bound(
    family: int,
    kind: int,
    protocol: int,
    address: Sequence[str | int] | tuple[int, bytes],
    only_family: bool,
) -> socket.socket:
    try:
        sock = socket.socket(family, kind, protocol)
    except OSError:
        if only_family:
            raise
        raise _NoSuchFamily from None
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # `::` alone means every address, IPv4's too; where both are named, each has its own.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not only_family))
        sock.bind(tuple(address))
    except BaseException:
        sock.close()
        raise
    return sock


def name_of(sock: socket.socket) -> str:
    """The address of a listening socket, as a person writes it."""
    address = sock.getsockname()
    return str(Address(*address[:2])) if isinstance(address, tuple) else os.fsdecode(address)


def _is_reached_from_elsewhere(sock: socket.socket) -> bool:
    address = sock.getsockname()
    return isinstance(address, tuple) and not is_loopback(str(address[0]))


def _cannot_listen(where: str, error: OSError) -> CannotStart:
    number = error.errno or 0
    own = error.strerror or str(error)  # the resolver's, or of `unix_socket`
    resolved = isinstance(error, socket.gaierror) or number == errno.EEXIST
    reason = own if resolved or number <= 0 else os.strerror(number)
    return CannotStart(f"can't listen on {where}: {reason}")
