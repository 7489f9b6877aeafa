"""Addresses as people write them: `HOST`, `HOST:PORT`, `PORT`, `[::1]:PORT`, `ether://…`.

Rule: text in, `Address` out; no name is looked up and no socket is opened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .constants import DEFAULT_PORT

_SCHEME = "ether://"


@dataclass(frozen=True, slots=True)
class Address:
    """The TCP address of a server.

    Args:
        host: A host name or IP address, without brackets.
        port: 1 to 65,535.  Default: 9999.
    """

    host: str
    port: int = DEFAULT_PORT

    def __str__(self) -> str:
        """`HOST:PORT`, with brackets around an IPv6 address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def as_address(address: str | Address) -> Address:
    """`address` itself, or the address that it names if it is text.

    Raises ValueError as `parse_address` does, and TypeError for any other type.
    """
    if isinstance(address, Address):
        return address
    if not isinstance(address, str):
        raise TypeError(f"an address is text, as 'localhost:9999', or an Address, not {address!r}")
    return parse_address(address)


def parse_address(text: str) -> Address:
    """Parse an address.

    Args:
        text: `HOST`, `HOST:PORT`, `PORT`, `[IPV6]:PORT` or a bare IPv6
            address, with or without `ether://`.  Default host: localhost;
            default port: 9999.

    Returns:
        The address; no name is looked up.

    Raises:
        ValueError: `text` is not an address; the message can be shown to users.
    """
    rest = text.strip()
    if rest.startswith(_SCHEME):
        rest = rest[len(_SCHEME) :].rstrip("/")
    elif "://" in rest:
        raise ValueError(f"{text!r} is not an address: the scheme is ether://")
    if rest.startswith("["):
        host, bracket, tail = rest[1:].partition("]")
        if not bracket or (tail and not tail.startswith(":")):
            raise ValueError(f"{text!r} is not an address: write [::1]:9999")
        port = tail[1:]
    elif rest.count(":") > 1:
        host, port = rest, ""
    elif rest.isdecimal():
        host, port = "", rest  # a bare port, as in `etherd PORT`
    else:
        host, _, port = rest.partition(":")
    if "/" in host or "@" in host or any(c.isspace() or not c.isprintable() for c in host):
        raise ValueError(f"{text!r} is not an address: write HOST:PORT")
    if not port:
        return Address(host or "localhost")
    if not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is not an address: the port is a number from 1 to 65535")
    return Address(host or "localhost", int(port))
