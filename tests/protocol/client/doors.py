"""Other ways to a daemon than plain TCP: a Unix socket, and TLS with certificates made for a test.

Rule: a door carries bytes and never reads one; how it ends is how the other
side ended.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import trustme

from ether_protocol import ServerAddress, TlsAddress, UnixAddress
from harness import DEADLINE_SECONDS

_CHUNK_BYTES = 64 * 1024

_Streams: TypeAlias = Callable[
    [asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]
]


@dataclass(frozen=True)
class Certificates:
    """An authority of the test's own, and the files that it needs."""

    folder: Path
    authority: trustme.CA = field(default_factory=trustme.CA)

    @property
    def ca(self) -> str:
        """The file with the authority's certificate."""
        path = self.folder / "ca.pem"
        if not path.exists():
            self.authority.cert_pem.write_to_path(path)
        return str(path)

    def issue(self, *names: str, **how: Any) -> str:
        """The file with a new certificate for `names`, and its key."""
        path = self.folder / f"{len(list(self.folder.iterdir()))}.pem"
        self.authority.issue_cert(*names, **how).private_key_and_cert_chain_pem.write_to_path(path)
        return str(path)

    def server_context(self, *names: str, clients: bool = False, **how: Any) -> ssl.SSLContext:
        """TLS for a server with a certificate for `names`, which may ask `clients` for theirs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.issue(*(names or ("127.0.0.1",)), **how))
        if clients:
            context.load_verify_locations(self.ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


@dataclass(frozen=True)
class Doorway:
    """Where to connect, and with which options."""

    address: ServerAddress
    options: dict[str, Any] = field(default_factory=dict)


@contextmanager
def tls_door(port: int, certificates: Certificates, **server: Any) -> Iterator[Doorway]:
    """TLS in front of the plain server at `port`."""
    context = certificates.server_context(**server)

    async def listen(streams: _Streams) -> asyncio.Server:
        return await asyncio.start_server(streams, "127.0.0.1", 0, ssl=context)

    with _open(port, listen) as listening:
        _, own_port = listening.sockets[0].getsockname()
        yield Doorway(TlsAddress("127.0.0.1", own_port), {"tls_ca": certificates.ca})


@contextmanager
def unix_door(port: int, folder: Path) -> Iterator[Doorway]:
    """A Unix socket in front of the plain server at `port`."""
    path = str(folder / "ether.sock")

    async def listen(streams: _Streams) -> asyncio.Server:
        return await asyncio.start_unix_server(streams, path)

    with _open(port, listen):
        yield Doorway(UnixAddress(path))


@contextmanager
def _open(
    port: int, listen: Callable[[_Streams], Coroutine[None, None, asyncio.Server]]
) -> Iterator[asyncio.Server]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def streams(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, onward = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_carry(reader, onward, writer), _carry(back, writer, onward))

    def call(work: Coroutine[None, None, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(DEADLINE_SECONDS)

    try:
        server = call(listen(streams))
        yield server
        call(_end(server))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(DEADLINE_SECONDS)
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    mine = asyncio.current_task()
    others = [task for task in asyncio.all_tasks() if task is not mine]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _carry(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, answers: asyncio.StreamWriter
) -> None:
    """Carry bytes until one side ends; then both are closed."""
    try:
        with suppress(ConnectionError, ssl.SSLError):
            while data := await source.read(_CHUNK_BYTES):
                target.write(data)
                await target.drain()
    finally:
        target.close()
        answers.close()
