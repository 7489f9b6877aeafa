"""Connections that never leave the machine.

Rule: what is said of an address is said without asking anybody; what a
socket refuses is left as it is.
"""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress


def is_loopback(host: str) -> bool:
    """Whether `host`, an IP address as a socket names its peer, is of this machine."""
    try:
        ip = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return bool((mapped or ip).is_loopback)


def do_not_pace(sock: socket.socket) -> None:
    """Have the kernel send at once over loopback, where nothing can be congested.

    Where a system's default is BBR, it paces even there, and halves what goes
    through (docs/performance.md, "Congestion control").
    """
    if not hasattr(socket, "TCP_CONGESTION"):  # Linux alone has it
        return
    with suppress(OSError):
        peer = sock.getpeername()
        if isinstance(peer, tuple) and is_loopback(str(peer[0])):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")
