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
    """The kind of connection that leads to `address`; raises TypeError if there is none.

    The nearest type in the table counts, so a subclass needs no line of its own.
    """
    for type_ in type(address).__mro__:
        if type_ in TRANSPORTS:
            return TRANSPORTS[type_]
    raise TypeError(f"no kind of connection leads to {address!r}")
