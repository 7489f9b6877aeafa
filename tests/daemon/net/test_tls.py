"""TLS beside plain sockets: what is agreed on, and what an end in the middle leaves behind."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from certificates import CertificateFiles, authority, client_context, server_files
from daemon.connection import PING, PONG, asking, replies, serving, until
from ether_daemon.app.composition import Composition
from ether_daemon.net import tls
from ether_daemon.net.connection import Connection
from ether_daemon.net.listeners import Listeners
from ether_daemon.net.tls import TlsListener, server_context
from ether_daemon.settings import CannotStart, Settings, TlsSettings
from ether_protocol import Command
from ether_protocol.wire.bodies import decode_error

MIB = 1024 * 1024

RunScenario = Callable[[Callable[[], Awaitable[None]]], None]


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    return server_files(tmp_path)


@pytest.fixture(params=["uvloop", "asyncio"])
def run(request: pytest.FixtureRequest) -> RunScenario:
    """Run a scenario on a loop of its own, of either kind."""
    factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    if request.param == "uvloop":
        factory = pytest.importorskip("uvloop").new_event_loop

    def run(scenario: Callable[[], Awaitable[None]]) -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(asyncio.wait_for(scenario(), 60))

    return run


class Encrypted:
    """A server that speaks TLS on a port."""

    def __init__(
        self, parts: Composition, context: ssl.SSLContext, sock: socket.socket | None = None
    ) -> None:
        sock = sock or socket.socket()
        sock.bind(("127.0.0.1", 0))
        self.parts = parts
        self.address = sock.getsockname()
        self.made: list[Connection] = []
        self.listener = TlsListener(sock, self._connection, context)
        self.listener.start(100)

    def _connection(self) -> Connection:
        self.made.append(Connection(self.parts.shared))
        return self.made[-1]

    async def connect(
        self, context: ssl.SSLContext | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(
            *self.address, ssl=context or client_context(), limit=32 * MIB
        )

    async def until_nobody_is_there(self) -> None:
        await until(lambda: self.parts.admission.empty.is_set() and not self.listener.handshakes)


def context_of(files: CertificateFiles, *, ca: bool = False, needed: bool = True) -> ssl.SSLContext:
    settings = TlsSettings(files.certificate, files.key, files.ca if ca else None)
    return server_context(settings, certificate_needed=needed)


def test_a_client_is_served_as_over_a_plain_socket(
    files: CertificateFiles, run: RunScenario
) -> None:
    async def scenario() -> None:
        async with serving() as parts:
            server = Encrypted(parts, context_of(files))
            reader, writer = await server.connect()
            assert writer.get_extra_info("ssl_object").version() == "TLSv1.3"
            long = bytes(range(256)) * (3 * MIB // 256)
            for request, expected in [
                (PING, PONG[:5]),
                (asking(Command.ALLOC, size=3 * MIB), b"\xe7\xe7\xe7\xe7\x02"),
                (asking(Command.WRITE, 1, payload=long), b"\xe7\xe7\xe7\xe7\x02"),
            ]:
                writer.write(request)
                assert (await reader.readexactly(40))[:5] == expected
            writer.write(asking(Command.READ, 1, size=3 * MIB) * 4 + PING * 1000)
            data = await reader.readexactly(4 * (40 + 3 * MIB) + 1000 * 40)
            assert [len(reply.payload) for reply in replies(data)] == [3 * MIB] * 4 + [0] * 1000
            assert replies(data)[3].payload == long
            writer.close()
            await writer.wait_closed()
            await server.until_nobody_is_there()
            server.listener.close()

    run(scenario)


def test_what_was_asked_before_the_end_is_answered(
    files: CertificateFiles, run: RunScenario
) -> None:
    async def scenario() -> None:
        async with serving() as parts:
            server = Encrypted(parts, context_of(files))
            reader, writer = await server.connect()
            writer.write(PING * 100 + b"garbage, which ends it")
            data = await reader.read()
            assert len(replies(data)) == 101
            assert decode_error(replies(data)[-1]).code == 3
            writer.close()
            await server.until_nobody_is_there()
            server.listener.close()

    run(scenario)


def test_older_versions_are_not_spoken(
    files: CertificateFiles,
    run: RunScenario,
) -> None:
    async def scenario() -> None:
        async with serving() as parts:
            server = Encrypted(parts, context_of(files))
            old = client_context()
            old.maximum_version = ssl.TLSVersion.TLSv1_2
            with pytest.raises(OSError):  # noqa: PT011 - an alert, or a reset that overtook it
                await server.connect(old)
            await server.until_nobody_is_there()
            server.listener.close()

    run(scenario)


def test_who_goes_in_the_middle_of_a_handshake_leaves_nothing(
    files: CertificateFiles,
    run: RunScenario,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hello = ssl.MemoryBIO()
    greeting = client_context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        greeting.do_handshake()
    start = hello.read()

    async def scenario() -> None:
        async with serving() as parts:
            server = Encrypted(parts, context_of(files))
            for data in (
                b"",
                b"GET / HTTP/1.0\r\n\r\n",
                PING,
                start[:100],
                start,
                start + b"x" * 50,
            ):
                for _ in range(5):
                    reader, writer = await asyncio.open_connection(*server.address)
                    writer.write(data)
                    writer.close()
            await server.until_nobody_is_there()
            assert (parts.admission.refused, parts.admission.clients) == (0, 0)
            assert server.made == []  # nor was there ever a connection
            reader, writer = await server.connect()
            writer.write(PING)
            assert len(await reader.readexactly(40)) == 40
            assert len(server.made) == 1
            writer.close()
            await server.until_nobody_is_there()
            server.listener.close()

    run(scenario)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


def test_one_that_never_finishes_its_handshake_is_cut_off(
    files: CertificateFiles,
    run: RunScenario,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tls, "HANDSHAKE_SECONDS", 0.1)

    async def scenario() -> None:
        async with serving() as parts:
            server = Encrypted(parts, context_of(files))
            reader, writer = await asyncio.open_connection(*server.address)
            assert await reader.read() == b""
            await server.until_nobody_is_there()
            writer.close()
            server.listener.close()

    run(scenario)


def test_too_many_handshakes_cost_the_oldest_its_own(
    files: CertificateFiles,
    run: RunScenario,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tls, "MAX_HANDSHAKES", 3)

    async def scenario() -> None:
        async with serving() as parts:
            server = Encrypted(parts, context_of(files))
            idlers = [await asyncio.open_connection(*server.address) for _ in range(5)]
            for reader, _ in idlers[:2]:
                assert await reader.read() == b""
            reader, writer = await server.connect()
            writer.write(PING)
            assert len(await reader.readexactly(40)) == 40
            for _, each in [*idlers, (reader, writer)]:
                each.close()
            await server.until_nobody_is_there()
            server.listener.close()

    run(scenario)


def test_without_descriptors_it_waits_and_says_so_once(
    files: CertificateFiles,
    run: RunScenario,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(tls, "_PAUSE_SECONDS", 0.001)
    failures = [OSError(errno.EMFILE, "Too many open files")] * 5

    class Short(socket.socket):
        def accept(self) -> tuple[socket.socket, object]:
            if failures:
                raise failures.pop()
            return super().accept()

    async def scenario() -> None:
        async with serving() as parts:
            server = Encrypted(parts, context_of(files), Short())
            reader, writer = await server.connect()
            writer.write(PING)
            assert len(await reader.readexactly(40)) == 40
            writer.close()
            await server.until_nobody_is_there()
            server.listener.close()

    run(scenario)
    said = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert said == ["Can't accept a client: Too many open files"]


def test_a_new_certificate_is_for_the_next_connections(
    files: CertificateFiles,
    run: RunScenario,
    tmp_path: Path,
) -> None:
    (tmp_path / "new").mkdir()
    new = server_files(tmp_path / "new", "other.example")

    async def scenario() -> None:
        async with serving() as parts:
            server = Encrypted(parts, context_of(files))
            reader, writer = await server.connect()
            server.listener.context = context_of(new)
            with pytest.raises(ssl.SSLCertVerificationError):
                await server.connect()
            writer.write(PING)
            assert len(await reader.readexactly(40)) == 40
            writer.close()
            await server.until_nobody_is_there()
            server.listener.close()

    run(scenario)


@pytest.mark.parametrize("needed", [True, False])
@pytest.mark.parametrize("shown", ["none", "ours", "another's"])
def test_a_clients_certificate(
    files: CertificateFiles,
    run: RunScenario,
    needed: bool,
    shown: str,
) -> None:
    context = client_context("ada" if shown == "ours" else None)
    if shown == "another's":
        type(authority())().issue_cert(common_name="ada").configure_cert(context)

    async def scenario() -> None:
        async with serving() as parts:
            server = Encrypted(parts, context_of(files, ca=True, needed=needed))
            answered = False
            try:
                reader, writer = await server.connect(context)
                writer.write(PING)
                answered = len(await reader.readexactly(40)) == 40
                writer.close()
            except (OSError, asyncio.IncompleteReadError):
                pass
            assert answered is (shown == "ours" or (shown == "none" and not needed))
            await server.until_nobody_is_there()
            server.listener.close()

    run(scenario)


def test_one_file_may_hold_both(files: CertificateFiles, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(files.key.read_bytes() + files.certificate.read_bytes())
    assert server_context(TlsSettings(both), certificate_needed=False)


def test_nothing_decrypted_is_left_in_buffers(files: CertificateFiles) -> None:
    assert context_of(files).options & 2, "SSL_OP_CLEANSE_PLAINTEXT"


def test_what_can_not_be_used_is_said_in_one_line(files: CertificateFiles, tmp_path: Path) -> None:
    other, locked, empty = (tmp_path / name for name in ("other.pem", "locked.pem", "empty.pem"))
    other.write_bytes(authority().issue_cert("a.example").private_key_pem.bytes())
    locked.write_text(ENCRYPTED_KEY)
    empty.write_text("")
    absent = tmp_path / "absent.pem"

    def told(settings: TlsSettings) -> str:
        with pytest.raises(CannotStart) as refused:
            server_context(settings, certificate_needed=False)
        return str(refused.value).replace(f"{tmp_path}/", "").removeprefix("can't use the ")

    certificate = files.certificate
    assert [
        told(TlsSettings(absent)),
        told(TlsSettings(certificate, absent)),
        told(TlsSettings(certificate, other)),
        told(TlsSettings(certificate, locked)),
        told(TlsSettings(certificate, empty)),
        told(TlsSettings(certificate)),
        told(TlsSettings(empty)),
        told(TlsSettings(files.key)),
        told(TlsSettings(certificate, files.key, absent)),
        told(TlsSettings(certificate, files.key, empty)),
    ] == [
        "certificate in absent.pem: No such file or directory",
        "certificate in cert.pem or absent.pem: No such file or directory",
        "certificate in cert.pem or other.pem: the key is another certificate's",
        "certificate in cert.pem or locked.pem: "
        "the key is encrypted; etherd needs one without a password",
        "certificate in cert.pem or empty.pem: empty.pem holds no key in PEM form",
        "certificate in cert.pem: it holds no key in PEM form, and --tls-key names none",
        "certificate in empty.pem: it holds no certificate in PEM form",
        "certificate in key.pem: it holds no certificate in PEM form",
        "certificates in absent.pem: No such file or directory",
        "certificates in empty.pem: it holds no certificate in PEM form",
    ]


def test_tls_on_the_port_or_beside_it(files: CertificateFiles) -> None:
    async def schemes(port: int | None) -> list[bool]:
        settings = TlsSettings(files.certificate, files.key, port=port)
        listeners = Listeners(lambda: asyncio.Protocol())
        await listeners.open(Settings(1, host="127.0.0.1", port=0, tls=settings), context_of(files))
        where = [place.startswith("ethers://127.0.0.1:") for place in listeners.where]
        listeners.close()
        return where

    assert asyncio.run(schemes(None)) == [True]
    assert asyncio.run(schemes(0)) == [False, True]


ENCRYPTED_KEY = """\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAiXf0yneftD9gICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEPo2iRME3F5uIeOHeTLItyQEgZBj
aGGl4XBwWBph5jX/K33ghuU3Seqw6tJ/IohGJhSdsEMVQY+MS4KgcnjVNknd5Lmq
IDqopcobdNHwHBDcIqNh/kKlSTBStGz67lo03DqVgitVTAOGZPF1QpWQYbsylTIH
LpOmPN9sERU0JoJ5GLVV9OLHs9GUr5wop9j/UaafuhwJwY71rA6wQyqEiwHCSqU=
-----END ENCRYPTED PRIVATE KEY-----
"""
"""A key that nobody needs, with the password secret."""
