"""A check before the first of several messages: does the whole range fit into the block?

The client checks each of its calls; it can't know that a file or a copy takes several of them.

Rule: it asks for the size of the block and changes nothing.
"""

from __future__ import annotations

from ether_protocol import MAX_PAYLOAD_BYTES, Client, OutOfRange


def check_fits(
    client: Client, verb: str, handle: int, offset: int, size: int, *, always: bool = False
) -> None:
    """Raise OutOfRange where a range that takes several messages does not fit into its block.

    A range that fits into one message is left to the server, unless `always`.
    """
    if size <= MAX_PAYLOAD_BYTES and not always:
        return  # the server carries out one message whole, or refuses it
    there = client.info(handle).size
    if size > there - offset:
        raise OutOfRange(
            f"{verb} handle {handle} [{offset}:{offset + size}]: the block has {there} bytes;"
            " nothing was changed"
        )
