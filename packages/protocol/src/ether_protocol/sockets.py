"""What the daemon and the clients do alike with sockets whose two ends are on one machine.

Rule: an address is judged without a look-up; an option that a socket refuses is
left as it is.
"""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress


def is_loopback(host: str) -> bool:
    """Whether `host`, an IP address as a socket gives its peer, is a loopback address."""
    try:
        ip = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return bool((mapped or ip).is_loopback)


def do_not_pace(sock: socket.socket) -> None:
    """Make the kernel send at once over loopback, where nothing can be congested.

    BBR, the default of some systems, paces even there, which halves the
    throughput (docs/performance.md, "Congestion control").
    """
    if not hasattr(socket, "TCP_CONGESTION"):  # only Linux has it
        return
    with suppress(OSError):
        peer = sock.getpeername()
        if isinstance(peer, tuple) and is_loopback(str(peer[0])):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")
