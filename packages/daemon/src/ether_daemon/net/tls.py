"""TLS: what the daemon shows to clients, and the handshakes that are under way.

Rule: a client is nobody here until its handshake is complete; it has a limited
time for that, and so many may be at it at a time.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from typing import cast

from ether_daemon.settings import CannotStart, TlsSettings

log = logging.getLogger("etherd")

HANDSHAKE_SECONDS = 10.0
CLOSE_SECONDS = 1.0
"""How long a client may take to answer that the connection ends."""

MAX_HANDSHAKES = 1000
"""So many may be under way; beyond it the one that has taken longest is given up."""

_ACCEPTED_A_TURN = 16
_PAUSE_SECONDS = 0.1
"""How long nobody is accepted where the machine has no descriptor for another client."""

_CLEANSE_PLAINTEXT = 2
"""SSL_OP_CLEANSE_PLAINTEXT, which has no name in Python: what was decrypted is wiped."""


def server_context(settings: TlsSettings, *, certificate_needed: bool) -> ssl.SSLContext:
    """What connections are encrypted with; raises CannotStart.

    With `ca` a client may show a certificate, and must where it is needed.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.options |= _CLEANSE_PLAINTEXT
    # A ticket would let a client in without showing its certificate again.
    context.num_tickets = 0
    key = settings.key or settings.certificate
    try:
        context.load_cert_chain(settings.certificate, key, password=_no_password)
    except (OSError, _EncryptedKey) as error:
        names = " or ".join(dict.fromkeys([str(settings.certificate), str(key)]))
        why = _why(error) or _what_is_missing(settings)
        raise CannotStart(f"can't use the certificate in {names}: {why}") from None
    if settings.ca is not None:
        try:
            context.load_verify_locations(settings.ca)
        except OSError as error:
            why = _why(error) or _NO_CERTIFICATE
            raise CannotStart(f"can't use the certificates in {settings.ca}: {why}") from None
        context.verify_mode = ssl.CERT_REQUIRED if certificate_needed else ssl.CERT_OPTIONAL
    return context


class _EncryptedKey(Exception):
    """The key asks for a password, and nobody is there to give one."""


def _no_password() -> str:
    raise _EncryptedKey


def _why(error: OSError | _EncryptedKey) -> str:
    """What an error means; "" where OpenSSL does not say more than that something is missing."""
    if isinstance(error, _EncryptedKey):
        return "the key is encrypted; etherd needs one without a password"
    if isinstance(error, ssl.SSLError):
        return _SSL_REASONS.get(error.reason or "", "")
    return error.strerror or str(error)


def _what_is_missing(settings: TlsSettings) -> str:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(settings.certificate)
    except OSError:
        return _NO_CERTIFICATE
    if settings.key is None:
        return "it holds no key in PEM form, and --tls-key names none"
    return f"{settings.key} holds no key in PEM form"


_NO_CERTIFICATE = "it holds no certificate in PEM form"


_SSL_REASONS = {
    "KEY_VALUES_MISMATCH": "the key is another certificate's",
    "EE_KEY_TOO_SMALL": "the key is too small",
    "CA_MD_TOO_WEAK": "the digest of its signature is too weak",
}


class LooseEnd(asyncio.BufferedProtocol):
    """Stands between a TLS transport and its connection, and lets go when that is lost.

    uvloop's TLS keeps the methods of its protocol for ever.  Were they the
    connection's, which knows its transport, the two would be a circle with all
    memory of the session in it, until the garbage collector comes round.
    There is no connection before the handshake is complete, nor after one that fails.
    """

    def __init__(self, connection: Callable[[], asyncio.BaseProtocol]) -> None:
        self._new = connection
        self._connection: asyncio.BufferedProtocol | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the connection; what follows is passed on to it."""
        self._connection = cast(asyncio.BufferedProtocol, self._new())
        self._connection.connection_made(transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes belong."""
        return cast(memoryview, self._to().get_buffer(sizehint))

    def buffer_updated(self, nbytes: int) -> None:
        """So many have come."""
        self._to().buffer_updated(nbytes)

    def eof_received(self) -> bool | None:
        """The client has closed its side."""
        return self._to().eof_received()

    def pause_writing(self) -> None:
        """The client does not take what was sent."""
        self._to().pause_writing()

    def resume_writing(self) -> None:
        """The client has taken it."""
        self._to().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The last thing that the connection hears."""
        connection, self._connection = self._to(), None
        connection.connection_lost(exc)

    def _to(self) -> asyncio.BufferedProtocol:
        if self._connection is None:
            raise RuntimeError("a connection was called after it was lost")
        return self._connection


class TlsListener:
    """A listening socket whose clients speak TLS."""

    def __init__(
        self,
        sock: socket.socket,
        connection: Callable[[], asyncio.BaseProtocol],
        context: ssl.SSLContext,
    ) -> None:
        self.context = context
        """For the next handshakes."""
        self._sock = sock
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._handshakes: dict[asyncio.Task[None], None] = {}
        self._pause: asyncio.TimerHandle | None = None

    @property
    def handshakes(self) -> int:
        """How many are under way."""
        return len(self._handshakes)

    def start(self, backlog: int) -> None:
        """Begin to accept."""
        self._sock.setblocking(False)
        self._sock.listen(backlog)
        self._loop.add_reader(self._sock, self._accept)

    def close(self) -> None:
        """Accept nobody any more, and give up the handshakes that are under way."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._sock)
        self._sock.close()
        for handshake in self._handshakes:
            handshake.cancel()

    def _accept(self) -> None:
        for _ in range(_ACCEPTED_A_TURN):
            try:
                sock, _ = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if self._pause is None:  # said once, until somebody is accepted again
                    log.error("Can't accept a client: %s", error.strerror)
                self._loop.remove_reader(self._sock)
                self._pause = self._loop.call_later(_PAUSE_SECONDS, self._go_on)
                return
            self._pause = None
            if len(self._handshakes) >= MAX_HANDSHAKES:
                oldest = next(iter(self._handshakes))
                del self._handshakes[oldest]
                oldest.cancel()
            sock.setblocking(False)
            handshake = self._loop.create_task(self._shake_hands(sock))
            self._handshakes[handshake] = None
            handshake.add_done_callback(self._done)

    def _go_on(self) -> None:
        self._loop.add_reader(self._sock, self._accept)

    def _done(self, handshake: asyncio.Task[None]) -> None:
        self._handshakes.pop(handshake, None)

    async def _shake_hands(self, sock: socket.socket) -> None:
        try:
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._loop.connect_accepted_socket(
                lambda: LooseEnd(self._connection),
                sock,
                ssl=self.context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=CLOSE_SECONDS,
            )
        except (OSError, asyncio.CancelledError) as error:
            sock.close()
            log.debug("A TLS handshake failed: %s", error)
        except Exception:
            sock.close()
            log.exception("A TLS handshake failed")
