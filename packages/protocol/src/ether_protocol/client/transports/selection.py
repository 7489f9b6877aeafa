"""Which kind of connection an address asks for.

Rule: one table; a new kind is a file beside this one and a line in it.
"""

from __future__ import annotations

from ether_protocol.wire.address import Address

from .base import TransportKind
from .tcp import TCP

TRANSPORTS: dict[type[Address], TransportKind] = {
    Address: TCP,
}
"""The kind of connection for each type of address."""


def transport_for(address: Address) -> TransportKind:
    """The kind of connection that leads to `address`; raises TypeError if there is none."""
    kind = TRANSPORTS.get(type(address))
    if kind is None:
        raise TypeError(f"no kind of connection leads to {address!r}")
    return kind
