"""How a client connects: the options of `connect`, `connect_async` and `Pool`.

Rule: checked once, when they are made, and nowhere else.  No `repr` of them
shows a token, and they are not pickled.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from typing import NoReturn

from ether_protocol.wire.address import ServerAddress, TlsAddress

from .fork_safety import not_pickled
from .retry import DEFAULT_RETRY, Retry
from .token import FilePath, read_token, token_bytes
from .tracing import Trace

_TLS = ("tls_ca", "tls_cert", "tls_key", "tls_insecure")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectOptions:
    """What `connect` describes; times are in seconds.

    Raises ValueError for a time at which every attempt would end before it
    began, for a token that can't be sent, and for options that exclude each other.
    """

    name: str = ""
    connect_timeout: float = 5.0
    timeout: float | None = 30.0
    retry: Retry | None = DEFAULT_RETRY
    trace: Trace | None = None
    token: str | bytes | None = field(default=None, repr=False)
    token_file: FilePath | None = None
    tls_ca: FilePath | None = None
    tls_cert: FilePath | None = None
    tls_key: FilePath | None = None
    tls_insecure: bool = False

    def __post_init__(self) -> None:
        for name, seconds in (
            ("connect_timeout", self.connect_timeout),
            ("timeout", self.timeout),
        ):
            if seconds is not None and not 0 < seconds < inf:
                raise ValueError(f"{name} is a number of seconds above 0, not {seconds!r}")
        if self.token is not None:
            token_bytes(self.token)
            if self.token_file is not None:
                raise ValueError("token and token_file exclude each other")
        if self.tls_key is not None and self.tls_cert is None:
            raise ValueError("tls_key needs tls_cert, the certificate of this client")
        if self.tls_insecure and self.tls_ca is not None:
            raise ValueError("tls_ca and tls_insecure exclude each other")

    def __reduce__(self) -> NoReturn:
        raise not_pickled()

    def check_for(self, address: ServerAddress) -> None:
        """Raise ValueError for options of TLS where `address` is without; warn of tls_insecure.

        The warning names the line that called the caller.
        """
        given = [name for name in _TLS if getattr(self, name)]
        if given and not isinstance(address, TlsAddress):
            raise ValueError(
                f"{given[0]} is for TLS, and {address} is without: write ethers://HOST:PORT"
            )
        if self.tls_insecure:
            warnings.warn(
                f"the certificate of {address} is not verified (tls_insecure):"
                " anybody on the way can read and change everything, tokens included",
                stacklevel=3,
            )

    @property
    def has_token(self) -> bool:
        """Whether there is a token to give."""
        return self.token is not None or self.token_file is not None

    def current_token(self) -> bytes | None:
        """The token; a file is read at each call, so that a new one is found.

        Raises LocalProtocolError for a file that has none.
        """
        if self.token_file is not None:
            return read_token(self.token_file)
        return None if self.token is None else token_bytes(self.token)

    @property
    def asks_hello(self) -> bool:
        """Whether a connection begins with HELLO.

        It tells whether the server is the one from before, which only a client
        that comes back needs, and whether it wants a token.
        """
        return self.retry is not None or self.has_token

    def pauses(self) -> Iterator[float]:
        """The pause before each attempt to connect again, in seconds."""
        return iter(()) if self.retry is None else self.retry.delays()
