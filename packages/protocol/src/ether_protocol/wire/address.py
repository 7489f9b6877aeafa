"""Addresses as people write them: `HOST:PORT`, `ether://…`, `ethers://…`, the path of a socket.

Rule: text in, an address out; no name is looked up and no socket is opened.  An
address prints as text that can be pasted wherever an address is asked for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from .constants import DEFAULT_PORT

_PATHS = ("/", "./", "../", "~/")
"""How a path begins.  Any other text without a scheme is a host, a port, or both."""

_MOST_PATH_BYTES = 107
"""The longest path that fits in Linux' `sockaddr_un`."""


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


class TlsAddress(Address):
    """The TCP address of a server that is spoken to over TLS.

    Args:
        host: A host name or IP address, without brackets, that the server's
            certificate must name.
        port: 1 to 65,535.  Default: 9999.
    """

    __slots__ = ()

    def __str__(self) -> str:
        """`ethers://HOST:PORT`, with brackets around an IPv6 address."""
        return f"ethers://{super().__str__()}"


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """The Unix socket of a server on this machine.

    Args:
        path: Where the socket is, at most 107 bytes.
    """

    path: str

    def __str__(self) -> str:
        """The path; one that does not begin as a path does gets `./` in front."""
        return self.path if self.path.startswith(_PATHS) else f"./{self.path}"


ServerAddress: TypeAlias = Address | UnixAddress
"""Every kind of address that a client connects to; a TlsAddress is an Address."""


def as_address(address: str | ServerAddress) -> ServerAddress:
    """`address` itself, or the address that it names if it is text.

    Raises ValueError as `parse_address` does, and TypeError for any other type.
    """
    if isinstance(address, ServerAddress):
        return address
    if not isinstance(address, str):
        raise TypeError(f"an address is text, as 'localhost:9999', or an Address, not {address!r}")
    return parse_address(address)


def parse_address(text: str) -> ServerAddress:
    """Parse an address.

    Args:
        text: `HOST`, `HOST:PORT`, `PORT`, `[IPV6]:PORT` or a bare IPv6
            address, with or without `ether://`, or with `ethers://` for TLS.
            Default host: localhost; default port: 9999.  Or the path of a Unix
            socket, as `ether+unix:///PATH` or as a path that begins with `/`,
            `./`, `../` or `~/`.

    Returns:
        An Address, a TlsAddress for `ethers://`, a UnixAddress for a path; no
        name is looked up.

    Raises:
        ValueError: `text` is not an address; the message can be shown to users.
    """
    rest = text.strip()
    if rest.startswith(_PATHS):
        return _path(text, rest)
    scheme, separator, behind = rest.partition("://")
    if not separator:
        return Address(*_host_and_port(text, rest))
    parse = _SCHEMES.get(scheme.lower())
    if parse is None:
        # What stands behind it is not repeated: it may hold a token, if wrongly.
        raise ValueError(
            f"{scheme + separator!r} begins no address: write ether://HOST:PORT, ethers://HOST:PORT"
            " for TLS, or ether+unix:///PATH"
        )
    return parse(text, behind)


def _tcp(text: str, rest: str) -> Address:
    return Address(*_host_and_port(text, rest.rstrip("/")))


def _tls(text: str, rest: str) -> Address:
    return TlsAddress(*_host_and_port(text, rest.rstrip("/")))


def _unix(text: str, rest: str) -> UnixAddress:
    if not rest.startswith("/"):
        raise _not_an_address(text, "write ether+unix:///PATH, with three slashes")
    return _path(text, rest)


_SCHEMES: dict[str, Callable[[str, str], ServerAddress]] = {
    "ether": _tcp,
    "ethers": _tls,
    "ether+unix": _unix,
}
"""What stands behind each scheme: called with the whole text, and with what is behind `://`."""


def _path(text: str, path: str) -> UnixAddress:
    if "\0" in path:
        raise _not_an_address(text, "a path has no NUL in it")
    path = os.path.expanduser(path)
    length = len(os.fsencode(path))
    if length > _MOST_PATH_BYTES:
        raise _not_an_address(
            text, f"the path of a socket has at most {_MOST_PATH_BYTES} bytes, this one {length}"
        )
    return UnixAddress(path)


def _host_and_port(text: str, rest: str) -> tuple[str, int]:
    if "@" in rest:  # perhaps a token, so the text is not repeated
        raise ValueError(
            "an address has no @ in it: write HOST:PORT; a token is given by itself, in a file"
        )
    if rest.startswith("["):
        host, bracket, tail = rest[1:].partition("]")
        if not bracket or (tail and not tail.startswith(":")):
            raise _not_an_address(text, "write [::1]:9999")
        port = tail[1:]
    elif rest.count(":") > 1:
        host, port = rest, ""
    elif rest.isdecimal():
        host, port = "", rest  # a bare port, as in `etherd PORT`
    else:
        host, _, port = rest.partition(":")
    if "/" in host:
        raise _not_an_address(text, f"write HOST:PORT, or ./{rest} for the path of a Unix socket")
    if any(c.isspace() or not c.isprintable() for c in host):
        raise _not_an_address(text, "write HOST:PORT")
    if not port:
        return host or "localhost", DEFAULT_PORT
    if not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise _not_an_address(text, "the port is a number from 1 to 65535")
    return host or "localhost", int(port)


def _not_an_address(text: str, reason: str) -> ValueError:
    return ValueError(f"{text!r} is not an address: {reason}")
