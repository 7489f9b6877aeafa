"""TLS as a person meets it: which certificates are accepted, and what is said about the others."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ether_protocol import (
    Address,
    ConnectionLost,
    LocalProtocolError,
    Pool,
    TlsAddress,
    connect,
)
from ether_protocol.client.core.options import ConnectOptions
from ether_protocol.client.transports.base import TransportError
from ether_protocol.client.transports.tls import TlsTransport, open_tls
from harness import DEADLINE_SECONDS, Etherd
from protocol.client.doors import Certificates, Doorway, tls_door
from protocol.client.either import Either

YESTERDAY = datetime.now(UTC) - timedelta(days=1)
MIB = 1024 * 1024


@pytest.fixture
def tls(shared_etherd: Etherd, certificates: Certificates) -> Iterator[Doorway]:
    with tls_door(shared_etherd.port, certificates) as door:
        yield door


def refused(each: Either, address: TlsAddress, **options: Any) -> str:
    """Why there is no connection."""
    with pytest.raises(ConnectionLost) as caught:
        each.connect(address, **options).ping()
    said = str(caught.value)
    assert "\n" not in said
    assert caught.value.__cause__ is None
    return re.sub(r"^can't connect to ethers://.*:\d+: ", "", said)


def test_a_trusted_authority_and_the_right_name(each: Either, tls: Doorway) -> None:
    with each.connect(tls.address, **tls.options) as client:
        assert client.ping(b"echo") == b"echo"
        assert str(tls.address) in repr(client)


def test_an_authority_that_nobody_has_named(each: Either, tls: Doorway) -> None:
    assert isinstance(tls.address, TlsAddress)
    said = refused(each, tls.address)
    assert said == (
        "the server's certificate is signed by a CA that is not trusted: name it with tls_ca"
    )


def test_another_host_name(each: Either, tls: Doorway) -> None:
    assert isinstance(tls.address, TlsAddress)
    said = refused(each, replace(tls.address, host="localhost"), **tls.options)
    assert said == "the server's certificate is for another host name than the one in the address"


def test_a_certificate_that_has_expired(
    each: Either, shared_etherd: Etherd, certificates: Certificates
) -> None:
    with tls_door(shared_etherd.port, certificates, not_after=YESTERDAY) as door:
        assert isinstance(door.address, TlsAddress)
        said = refused(each, door.address, **door.options)
    assert said == "the server's certificate has expired: the server needs a new one"


def test_a_server_without_tls(each: Either, shared_etherd: Etherd) -> None:
    said = refused(each, TlsAddress("127.0.0.1", shared_etherd.port))
    assert said == "the server does not speak TLS here: is it ether:// instead?"


def test_a_server_with_tls_and_an_address_without(each: Either, tls: Doorway) -> None:
    assert isinstance(tls.address, TlsAddress)
    plain = Address(tls.address.host, tls.address.port)
    with pytest.raises(ConnectionLost, match=f"if it wants TLS, write ethers://{plain}"):
        each.connect(plain)


def test_a_server_that_wants_a_certificate_of_the_client(
    each: Either, shared_etherd: Etherd, certificates: Certificates
) -> None:
    with tls_door(shared_etherd.port, certificates, clients=True) as door:
        assert isinstance(door.address, TlsAddress)
        said = refused(each, door.address, **door.options)
        assert re.search("certificate of (this client|yours)", said)
        assert "tls_cert" in said
        mine = certificates.issue("client@example.org")
        with each.connect(door.address, tls_cert=mine, **door.options) as client:
            assert client.ping(b"echo") == b"echo"


def test_nothing_is_verified_if_that_is_asked_for_and_a_warning_says_so(
    each: Either, tls: Doorway
) -> None:
    with pytest.warns(UserWarning, match=r"^the certificate of ethers://.* is not verified"):
        with each.connect(tls.address, tls_insecure=True) as client:
            assert client.ping(b"echo") == b"echo"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tls_ca": "nothing"}, "tls_ca nothing: No such file or directory"),
        ({"tls_ca": "empty"}, "tls_ca empty: it holds no certificate in the form PEM"),
        ({"tls_cert": "nothing"}, "tls_cert nothing: No such file or directory"),
        (
            {"tls_cert": "empty"},
            "tls_cert empty: it does not hold a certificate and its private key in the form PEM",
        ),
        ({"tls_cert": "one", "tls_key": "nothing"}, "tls_key nothing: No such file or directory"),
        ({"tls_cert": "one", "tls_key": "other"}, "tls_key is not the key of tls_cert"),
    ],
)
def test_a_file_that_can_not_be_used(
    each: Either,
    certificates: Certificates,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").touch()
    for name in ("one", "other"):
        Path(certificates.issue(name)).rename(name)
    with pytest.raises(LocalProtocolError, match=f"{said}$"):
        each.connect("ethers://127.0.0.1:1", **options)


def test_files_are_read_at_each_connection(
    each: Either, shared_etherd: Etherd, certificates: Certificates, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.pem"
    mine.write_bytes(Path(certificates.issue("client@example.org")).read_bytes())
    with tls_door(shared_etherd.port, certificates, clients=True) as door:
        with each.connect(door.address, tls_cert=mine, **door.options) as client:
            client.ping()
            mine.unlink()
            with pytest.raises(LocalProtocolError, match="No such file"):
                each.connect(door.address, tls_cert=mine, **door.options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tls_key": "key"}, "tls_key needs tls_cert"),
        ({"tls_ca": "ca", "tls_insecure": True}, "tls_ca and tls_insecure exclude each other"),
    ],
)
def test_options_that_do_not_fit_together(each: Either, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        each.connect("ethers://localhost", **options)


@pytest.mark.parametrize("address", ["localhost", "ether://localhost", "/run/ether.sock"])
@pytest.mark.parametrize("name", ["tls_ca", "tls_cert", "tls_insecure"])
def test_what_is_for_tls_is_refused_without_it(each: Either, address: str, name: str) -> None:
    options: dict[str, Any] = {name: "x"}
    with pytest.raises(ValueError, match=f"^{name} is for TLS, and .* is without: write ethers://"):
        each.connect(address, **options)
    with pytest.raises(ValueError, match=name):
        Pool(address, **options)


# The blocking transport by itself, with the other end of its connection in hand.


class Ends:
    """A transport, and the other end as the test's own."""

    def __init__(self, certificates: Certificates, closing: ExitStack) -> None:
        context = certificates.server_context()
        listener = closing.enter_context(socket.create_server(("127.0.0.1", 0)))
        with ThreadPoolExecutor(1) as threads:
            accepted = threads.submit(lambda: _accept(listener, context))
            options = ConnectOptions(tls_ca=certificates.ca)
            self.ours: TlsTransport = open_tls(TlsAddress(*listener.getsockname()), options)
            self.theirs: ssl.SSLSocket = accepted.result(DEADLINE_SECONDS)
        closing.callback(self.theirs.close)
        closing.callback(self.ours.close)


def _accept(listener: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
    sock, _ = listener.accept()
    sock.settimeout(DEADLINE_SECONDS)
    return context.wrap_socket(sock, server_side=True)


@pytest.fixture
def ends(certificates: Certificates) -> Iterator[Ends]:
    with ExitStack() as closing:
        yield Ends(certificates, closing)


def test_it_knows_of_an_end_and_is_not_misled_by_messages_of_tls_itself(ends: Ends) -> None:
    ends.theirs.sendall(b"x")  # behind the tickets that every server sends
    assert ends.ours.receive_into(memoryview(bytearray(9))) == 1
    assert not ends.ours.has_ended()
    ends.theirs.shutdown(socket.SHUT_RDWR)
    assert ends.ours.has_ended()


def test_tickets_alone_are_no_end(ends: Ends) -> None:
    assert not ends.ours.has_ended()


def test_bytes_that_wait_are_no_end_and_are_not_lost(ends: Ends) -> None:
    ends.theirs.sendall(b"hello")
    assert not ends.ours.has_ended()
    room = bytearray(3)
    assert ends.ours.receive_into(memoryview(room)) == 3
    assert bytes(room) + ends.ours.receive_whole(2) == b"hello"


def test_silence_is_limited(ends: Ends) -> None:
    ends.ours.limit_silence(0.01)
    with pytest.raises(TimeoutError):
        ends.ours.receive_into(memoryview(bytearray(9)))
    with pytest.raises(TimeoutError):
        ends.ours.receive_whole(9)
    with pytest.raises(TimeoutError):
        ends.ours.send_all(bytes(64 * MIB))


def test_what_has_arrived_before_a_silence_is_handed_over(ends: Ends) -> None:
    ends.theirs.sendall(b"half")
    ends.ours.limit_silence(0.5)
    assert ends.ours.receive_whole(8) == b"half"


def test_a_thread_that_waits_is_woken(ends: Ends) -> None:
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(ends.ours.receive_into, memoryview(bytearray(9)))
        ends.ours.interrupt()
        with suppress(ConnectionResetError):  # the other side may notice first
            assert waiting.result(DEADLINE_SECONDS) == 0
    ends.ours.interrupt()  # once more is fine


def test_replies_are_taken_while_the_server_takes_nothing(ends: Ends) -> None:
    reply, received = bytes(8 * MIB), bytearray()
    request = bytes(24 * MIB)

    def serve() -> None:
        # It reads nothing until its reply is taken, as an etherd whose client is slow.
        ends.theirs.sendall(reply)
        left = len(request)
        while left:
            left -= len(ends.theirs.recv(min(left, MIB)))

    def receive() -> None:
        room = bytearray(64 * 1024)
        count = ends.ours.receive_into(memoryview(room))
        received.extend(room[:count])

    serving = threading.Thread(target=serve)
    serving.start()
    ends.ours.limit_silence(DEADLINE_SECONDS)
    ends.ours.send_while_receiving(request, receive)
    received += ends.ours.receive_whole(len(reply) - len(received))
    serving.join(DEADLINE_SECONDS)
    assert received == reply


def test_an_end_while_sending_is_an_error_of_the_transport(ends: Ends) -> None:
    ends.theirs.close()
    with pytest.raises(TransportError) as caught:
        ends.ours.send_while_receiving(bytes(64 * MIB), lambda: None)
    assert caught.value.in_time


def test_a_closed_transport_sends_nothing_in_the_clear(ends: Ends) -> None:
    ends.ours.close()
    for act in (
        lambda: ends.ours.send(b"secret"),
        lambda: ends.ours.receive_whole(1),
        lambda: ends.ours.receive_into(memoryview(bytearray(1))),
    ):
        with pytest.raises(OSError, match="Bad file descriptor"):
            act()


def test_a_server_that_never_answers_the_handshake_is_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = TlsAddress(*listener.getsockname())
        with pytest.raises(ConnectionLost, match="no answer in time"):
            connect(address, connect_timeout=0.05)
