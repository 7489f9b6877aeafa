from __future__ import annotations

from typing import Any

import pytest

from ether_protocol import (
    Address,
    Pool,
    TlsAddress,
    UnixAddress,
    connect,
    connect_async,
    parse_address,
)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("", "localhost", 9999),
        ("example.org", "example.org", 9999),
        ("example.org:1234", "example.org", 1234),
        (":1234", "localhost", 1234),
        ("127.0.0.1:1", "127.0.0.1", 1),
        ("127.0.0.1:65535", "127.0.0.1", 65535),
        ("[::1]", "::1", 9999),
        ("[::1]:1234", "::1", 1234),
        ("::1", "::1", 9999),
        ("fe80::1%eth0", "fe80::1%eth0", 9999),
        ("ether://example.org", "example.org", 9999),
        ("ether://example.org:1234/", "example.org", 1234),
        ("ether://[::1]:1234", "::1", 1234),
        ("  example.org  ", "example.org", 9999),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, host: str, port: int) -> None:
    assert parse_address(text) == Address(host, port)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("example.org:http", "the port is a number from 1 to 65535"),
        ("example.org:0", "the port is a number from 1 to 65535"),
        ("example.org:65536", "the port is a number from 1 to 65535"),
        ("example.org:-1", "the port is a number from 1 to 65535"),
        ("example.org:٣", "the port is a number from 1 to 65535"),
        ("example.org:" + "9" * 5000, "the port is a number from 1 to 65535"),
        ("ether://example.org:1/path", "the port is a number from 1 to 65535"),
        ("ether://example.org/path", "write HOST:PORT, or ./example.org/path for the path of"),
        ("run/ether.sock", "write HOST:PORT, or ./run/ether.sock for the path of a Unix socket"),
        ("ethers://example.org:0", "the port is a number from 1 to 65535"),
        ("ether+unix://run/ether.sock", r"write ether\+unix:///PATH, with three slashes"),
        ("ether+unix://", r"write ether\+unix:///PATH, with three slashes"),
        ("/run/nul\0", "a path has no NUL in it"),
        ("/" + "a" * 107, "the path of a socket has at most 107 bytes, this one 108"),
        ("/" + "é" * 54, "the path of a socket has at most 107 bytes, this one 109"),
        ("two words", "write HOST:PORT"),
        ("nul\0", "write HOST:PORT"),
        ("[::1", r"write \[::1\]:9999"),
        ("[::1]1234", r"write \[::1\]:9999"),
    ],
)
def test_text_that_is_no_address_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"is not an address: {complaint}"):
        parse_address(text)


@pytest.mark.parametrize("text", ["http://example.org", "ehters://TOKEN@example.org", "://x"])
def test_a_scheme_that_is_none_is_named_without_what_is_behind_it(text: str) -> None:
    with pytest.raises(ValueError, match="begins no address: write ether://HOST:PORT, ") as caught:
        parse_address(text)
    assert "TOKEN" not in str(caught.value)


@pytest.mark.parametrize("text", ["TOKEN@example.org", "ethers://:TOKEN@example.org:9999"])
def test_an_address_that_holds_a_token_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="an address has no @ in it") as caught:
        parse_address(text)
    assert "TOKEN" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("ethers://example.org", "example.org", 9999),
        ("ethers://example.org:1234/", "example.org", 1234),
        ("ETHERS://[::1]:1234", "::1", 1234),
        ("ethers://", "localhost", 9999),
    ],
)
def test_another_scheme_asks_for_tls(text: str, host: str, port: int) -> None:
    address = parse_address(text)
    assert address == TlsAddress(host, port)
    assert address != Address(host, port)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/run/ether.sock", "/run/ether.sock"),
        ("./ether.sock", "./ether.sock"),
        ("../ether.sock", "../ether.sock"),
        ("~/ether.sock", "/home/of/somebody/ether.sock"),
        ("ether+unix:///run/with space:1@/x", "/run/with space:1@/x"),
        ("/" + "a" * 106, "/" + "a" * 106),
    ],
)
def test_a_path_is_a_unix_socket(text: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/of/somebody")
    assert parse_address(text) == UnixAddress(path)


@pytest.mark.parametrize(
    "text",
    [
        *("example.org:9999", "[::1]:1234", "127.0.0.1:1"),
        *("ethers://example.org:9999", "ethers://[::1]:1234"),
        *("/run/ether.sock", "./ether.sock"),
    ],
)
def test_an_address_prints_as_it_is_written(text: str) -> None:
    assert str(parse_address(text)) == text


def test_a_path_that_was_made_without_a_slash_prints_as_one() -> None:
    assert str(UnixAddress("ether.sock")) == "./ether.sock"


@pytest.mark.parametrize("text", ["7730", "ether://7730/", " 7730 "])
def test_digits_alone_are_a_port_as_for_etherd(text: str) -> None:
    assert parse_address(text) == Address("localhost", 7730)


@pytest.mark.parametrize("text", ["0", "65536", "999999"])
def test_digits_that_are_no_port(text: str) -> None:
    with pytest.raises(ValueError, match="the port is a number from 1 to 65535"):
        parse_address(text)


@pytest.mark.parametrize("meet", [connect, connect_async, Pool], ids=lambda meet: meet.__name__)
@pytest.mark.parametrize("address", [9999, None, b"localhost", ("localhost", 9999)], ids=repr)
def test_any_other_type_is_a_type_error(meet: Any, address: Any) -> None:
    with pytest.raises(TypeError, match="an address is text, as 'localhost:9999', or an Address"):
        meet(address)
