"""Where a server is, as people write it: `HOST`, `HOST:PORT`, `PORT`, `[::1]:PORT`, `ether://…`.

Rule: text in, `Address` out; nothing is looked up and nothing is opened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .constants import DEFAULT_PORT

_SCHEME = "ether://"


@dataclass(frozen=True, slots=True)
class Address:
    """A TCP address."""

    host: str
    port: int = DEFAULT_PORT

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def as_address(address: str | Address) -> Address:
    """`address` itself, or what its text names.

    Raises ValueError as `parse_address` does, and TypeError for anything else.
    """
    if isinstance(address, Address):
        return address
    if not isinstance(address, str):
        raise TypeError(f"an address is text, as 'localhost:9999', or an Address, not {address!r}")
    return parse_address(address)


def parse_address(text: str) -> Address:
    """The address that `text` names; raises ValueError with a sentence for a person."""
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
        host, port = "", rest  # as `etherd PORT` is started
    else:
        host, _, port = rest.partition(":")
    if "/" in host or "@" in host or any(c.isspace() or not c.isprintable() for c in host):
        raise ValueError(f"{text!r} is not an address: write HOST:PORT")
    if not port:
        return Address(host or "localhost")
    if not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is not an address: the port is a number from 1 to 65535")
    return Address(host or "localhost", int(port))
