from __future__ import annotations

from typing import Any

import pytest

from ether_protocol import Address, Pool, connect, connect_async, parse_address


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
        ("http://example.org", "the scheme is ether://"),
        ("example.org:http", "the port is a number from 1 to 65535"),
        ("example.org:0", "the port is a number from 1 to 65535"),
        ("example.org:65536", "the port is a number from 1 to 65535"),
        ("example.org:-1", "the port is a number from 1 to 65535"),
        ("example.org:٣", "the port is a number from 1 to 65535"),
        ("example.org:" + "9" * 5000, "the port is a number from 1 to 65535"),
        ("ether://example.org:1/path", "the port is a number from 1 to 65535"),
        ("ether://example.org/path", "write HOST:PORT"),
        ("user@example.org", "write HOST:PORT"),
        ("two words", "write HOST:PORT"),
        ("nul\0", "write HOST:PORT"),
        ("[::1", r"write \[::1\]:9999"),
        ("[::1]1234", r"write \[::1\]:9999"),
    ],
)
def test_text_that_is_no_address_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"is not an address: {complaint}"):
        parse_address(text)


@pytest.mark.parametrize("text", ["example.org:9999", "[::1]:1234", "127.0.0.1:1"])
def test_an_address_prints_as_it_is_written(text: str) -> None:
    assert str(parse_address(text)) == text


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
