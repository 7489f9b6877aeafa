"""TLS 1.3 over TCP, for both clients.  This is the only file of the clients that imports `ssl`.

Rule: certificate and host name are verified unless the program said otherwise.
The socket never blocks in OpenSSL: each wait is a poll here, so that limits of
time, interrupts and replies that come while sending work as over TCP.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from ether_protocol.sockets import do_not_pace
from ether_protocol.wire.address import Address
from ether_protocol.wire.errors import LocalProtocolError
from ether_protocol.wire.messages import Buffer

from .base import FilePath, OpeningOptions, TransportError, reason_of
from .tcp import connect_socket

if TYPE_CHECKING:
    import asyncio  # a blocking program does not load it

_WRITE_BYTES = 256 * 1024
"""One call of OpenSSL gets at most so much: it is repeated with the same bytes until it is done."""

_RECORD_BYTES = 16 * 1024
"""The longest record of TLS, and so the most that one call of OpenSSL reads."""


def tls_context(options: OpeningOptions) -> ssl.SSLContext:
    """How this client speaks TLS; the files are read now, so that new ones are found.

    Raises LocalProtocolError for a file that can't be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # it verifies certificate and host name
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if options.tls_insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif options.tls_ca is None:
        context.load_default_certs()
    else:
        # A certificate in the file is trusted as it is: it need not be that of a CA.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        try:
            context.load_verify_locations(options.tls_ca)
        except OSError as error:
            _unusable("tls_ca", options.tls_ca, error)
    if options.tls_cert is not None:
        key = options.tls_cert if options.tls_key is None else options.tls_key
        for name, path in (("tls_cert", options.tls_cert), ("tls_key", key)):
            _check_readable(name, path)
        try:
            context.load_cert_chain(options.tls_cert, options.tls_key, _no_password)
        except OSError as error:
            _unusable("tls_cert", options.tls_cert, error)
    return context


def _check_readable(name: str, path: FilePath) -> None:
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        _unusable(name, path, error)


def _no_password() -> str:
    # Without this, OpenSSL would ask for one at the terminal.
    raise LocalProtocolError("the private key of this client is encrypted: it must not be")


def _unusable(name: str, path: FilePath, error: OSError) -> NoReturn:
    reason = reason_of(error)
    if isinstance(error, ssl.SSLError) and error.reason != "KEY_VALUES_MISMATCH":
        reason = "it holds no certificate in the form PEM" if name == "tls_ca" else _NO_PAIR
    raise LocalProtocolError(f"{name} {os.fspath(path)}: {reason}") from None


_NO_PAIR = "it does not hold a certificate and its private key in the form PEM"


def open_tls(address: Address, options: OpeningOptions) -> TlsTransport:
    """Connect; raises OSError, UnicodeError for an impossible host name, LocalProtocolError."""
    return TlsTransport(connect_tls(address, options))


def connect_tls(address: Address, options: OpeningOptions) -> ssl.SSLSocket:
    """A connected socket after the handshake; raises as `open_tls` does."""
    context = tls_context(options)
    ends = time.monotonic() + options.connect_timeout
    plain = connect_socket(address, options.connect_timeout)
    try:
        sock = context.wrap_socket(
            plain, server_hostname=_certified_name(address), do_handshake_on_connect=False
        )
    except BaseException:
        plain.close()
        raise
    try:
        sock.settimeout(max(0.001, ends - time.monotonic()))
        sock.do_handshake()
    except BaseException:
        sock.close()
        raise
    return sock


def _certified_name(address: Address) -> str:
    return address.host.partition("%")[0]  # the zone of an IPv6 address is in no certificate


async def open_tls_async(
    address: Address,
    options: OpeningOptions,
    loop: asyncio.AbstractEventLoop,
    make_protocol: Callable[[], asyncio.BufferedProtocol],
) -> None:
    """Connect the protocol that `make_protocol` makes; raises as `open_tls` does."""
    transport, _ = await loop.create_connection(
        make_protocol,
        address.host,
        address.port,
        ssl=tls_context(options),
        server_hostname=_certified_name(address),
        ssl_handshake_timeout=options.connect_timeout,
    )
    sock = transport.get_extra_info("socket")
    if sock is not None:
        do_not_pace(sock)


class TlsTransport:
    """One connected socket with TLS on it, as a BlockingTransport.

    The methods of `SSLSocket` that end TLS are not used: behind them it sends
    and receives plain bytes.  Nor is the end announced to the server: it
    belongs to the parent of a fork, too, and messages say how long they are.
    """

    def __init__(self, sock: ssl.SSLSocket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._timeout: float | None = None
        self._early = b""
        """What was received before anybody asked for it."""

    def close(self) -> None:
        """See BlockingTransport."""
        self._sock.close()

    def interrupt(self) -> None:
        """See BlockingTransport."""
        with suppress(OSError):  # ended already
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def limit_silence(self, seconds: float | None) -> None:
        """See BlockingTransport."""
        self._timeout = seconds

    def has_ended(self) -> bool:
        """See BlockingTransport; what comes unasked may be a message of TLS itself."""
        if self._early or self._sock.pending():
            return False
        try:
            socket.socket.recv(self._sock, 1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return self._received_end()

    def _received_end(self) -> bool:
        """Whether the end is there already; bytes that are there are kept."""
        try:
            self._early = self._read(_RECORD_BYTES)
        except ssl.SSLWantReadError:
            return False
        except OSError:
            return True
        return not self._early

    def send(self, data: Buffer) -> int:
        """See BlockingTransport."""
        chunk = memoryview(data)[:_WRITE_BYTES]
        while True:
            try:
                return self._write(chunk)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT)
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN)

    def send_all(self, data: Buffer) -> None:
        """See BlockingTransport."""
        rest = memoryview(data)
        while len(rest):
            rest = rest[self.send(rest) :]

    def send_while_receiving(self, data: Buffer, receive: Callable[[], object]) -> None:
        """See BlockingTransport."""
        rest = memoryview(data)
        try:
            while len(rest):
                try:
                    rest = rest[self._write(rest[:_WRITE_BYTES]) :]
                except ssl.SSLWantWriteError:
                    if self._replies_before_room():
                        receive()
        except OSError as error:
            raise TransportError(error) from None

    def _replies_before_room(self) -> bool:
        """Wait until bytes or the end came, or there is room for bytes to send; whether it came."""
        ready = self._wait(select.POLLIN | select.POLLOUT)
        # The bytes may be half a record, for whose rest `receive` would wait.
        return bool(ready & ~select.POLLOUT) and (bool(self._early) or self._received_something())

    def _received_something(self) -> bool:
        """Whether bytes of the server, or the end, are there; the bytes are kept."""
        return self._received_end() or bool(self._early)

    def receive_into(self, room: memoryview) -> int:
        """See BlockingTransport; OpenSSL decrypts into `room`."""
        if self._early:
            count = min(len(room), len(self._early))
            room[:count], self._early = self._early[:count], self._early[count:]
            return count
        while True:
            try:
                return self._sock.read(len(room), room)  # type: ignore[return-value]  # a count
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN)
            except ValueError:  # another thread has closed it
                raise _closed() from None

    def receive_whole(self, size: int) -> bytes:
        """See BlockingTransport."""
        pieces: list[bytes] = []
        if self._early:
            pieces.append(self._early[:size])
            self._early = self._early[size:]
        missing = size - sum(map(len, pieces))
        while missing:
            try:
                piece = self._read(min(missing, _RECORD_BYTES))
            except ssl.SSLWantReadError:
                try:
                    self._wait(select.POLLIN)
                except TimeoutError:
                    if pieces:
                        break
                    raise
                continue
            if not piece:
                break
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def _read(self, most: int) -> bytes:
        try:
            return self._sock.read(most)
        except ValueError:  # another thread has closed it
            raise _closed() from None

    def _write(self, data: memoryview) -> int:
        if not len(data):
            return 0
        try:
            return self._sock.write(data)
        except ValueError:  # another thread has closed it
            raise _closed() from None

    def _wait(self, events: int) -> int:
        """Wait for `events` or the end, and return what came; raises TimeoutError."""
        poll = select.poll()
        try:
            poll.register(self._sock, events)
        except ValueError:
            raise _closed() from None
        ready = poll.poll(None if self._timeout is None else self._timeout * 1000)
        if not ready:
            raise TimeoutError
        return ready[0][1]


def _closed() -> OSError:
    return OSError(errno.EBADF, os.strerror(errno.EBADF))
