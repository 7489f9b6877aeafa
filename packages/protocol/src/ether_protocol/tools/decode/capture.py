"""A network capture, pcap or pcapng, as the Ether messages in its TCP connections.

Rule: this file alone imports dpkt and knows packets; `reassembly` puts bytes in
order, and `cutting` finds the messages in them.
"""

from __future__ import annotations

import io
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import dpkt

from .cutting import Cut, Cutter
from .reassembly import Missing, Reassembly
from .transcript import Entry, ReplyMatcher, Route, entries

_LINKS: Final = {
    0: dpkt.loopback.Loopback,
    1: dpkt.ethernet.Ethernet,
    108: dpkt.loopback.Loopback,
    113: dpkt.sll.SLL,
    276: dpkt.sll2.SLL2,
}
"""The outer header by the capture's link type; with any other type a packet begins with IP."""

_DAMAGED = (dpkt.Error, struct.error, ValueError, IndexError, OverflowError)
"""What dpkt raises for bytes that it can't parse."""


class _Segment(NamedTuple):
    """One TCP packet; of the `length` bytes that were sent, the capture has `data`."""

    source: str
    destination: str
    sequence: int
    acknowledged: int | None
    opens: bool
    begins: bool
    data: bytes
    length: int


@dataclass(slots=True)
class _Direction:
    """What one side of a connection sends."""

    reassembly: Reassembly
    cutter: Cutter

    def cuts(self, parts: Iterator[bytes | Missing]) -> Iterator[Cut]:
        for part in parts:
            if isinstance(part, Missing):
                yield from self.cutter.skip(part)
            else:
                yield from self.cutter.feed(part)


@dataclass(slots=True)
class _Connection:
    """Both directions of one connection, by the sender's address."""

    matcher: ReplyMatcher = field(default_factory=ReplyMatcher)
    directions: dict[str, _Direction] = field(default_factory=dict)

    def take(self, segment: _Segment, seconds: float) -> Iterator[Entry]:
        """Yield the messages that `segment` completes."""
        route = Route(segment.source, segment.destination, seconds)
        other = self.directions.get(segment.destination)
        if other is not None and segment.acknowledged is not None:
            missed = other.reassembly.acknowledged(segment.acknowledged)
            yield from entries(other.cuts(missed), self.matcher, route.reversed())
        first = segment.sequence + segment.begins
        direction = self.directions.get(segment.source)
        if direction is None:
            # Without a SYN the capture may begin in the middle of a message.
            direction = _Direction(Reassembly(first), Cutter(inside=not segment.begins))
            self.directions[segment.source] = direction
        parts = direction.reassembly.segment(first, segment.data, segment.length)
        yield from entries(direction.cuts(parts), self.matcher, route)

    def end(self, route: Route) -> Iterator[Entry]:
        """Yield what is left when the capture ends; `route` is that of either direction."""
        for each in (route, route.reversed()):
            direction = self.directions.get(each.source)
            if direction is not None:
                left = direction.cuts(direction.reassembly.end())
                yield from entries(left, self.matcher, each)
                yield from entries(direction.cutter.end(), self.matcher, each)


def read_capture(data: bytes, port: int) -> Iterator[Entry]:
    """Yield the messages of every TCP connection to `port`, in the order of their last bytes.

    Raises ValueError if `data` is no capture or is damaged, after the messages before the damage.
    """
    connections: dict[frozenset[str], tuple[_Connection, Route]] = {}
    for seconds, segment in _segments(data, port):
        ends = frozenset((segment.source, segment.destination))
        known = connections.get(ends)
        if known is not None and segment.opens and segment.source in known[0].directions:
            if known[0].directions[segment.source].reassembly.begins_at(segment.sequence + 1):
                continue  # a SYN that was sent again
            yield from known[0].end(known[1])
            known = None
        connection = known[0] if known is not None else _Connection()
        connections[ends] = connection, Route(segment.source, segment.destination, seconds)
        yield from connection.take(segment, seconds)
    for connection, route in connections.values():
        yield from connection.end(route)


def _segments(data: bytes, port: int) -> Iterator[tuple[float, _Segment]]:
    """Every TCP packet from or to `port`, with its seconds since the capture's first packet."""
    count, begin = 0, 0.0
    try:
        reader = dpkt.pcap.UniversalReader(io.BytesIO(data))
        for moment, packet in reader:
            begin = begin if count else float(moment)
            count += 1
            segment = _segment(packet, reader.datalink(), port)
            if segment is not None:
                yield float(moment) - begin, segment
    except _DAMAGED as error:
        raise ValueError(f"the capture can't be read after packet {count}: {error}") from None


def _segment(packet: bytes, link: int, port: int) -> _Segment | None:
    try:
        ip = _ip(packet, link)
    except _DAMAGED:
        return None
    tcp = ip.data if ip is not None else None
    if ip is None or not isinstance(tcp, dpkt.tcp.TCP) or port not in (tcp.sport, tcp.dport):
        return None
    flags = tcp.flags
    acknowledged = tcp.ack if flags & dpkt.tcp.TH_ACK else None
    return _Segment(
        _end(ip.src, tcp.sport),
        _end(ip.dst, tcp.dport),
        tcp.seq,
        acknowledged,
        bool(flags & dpkt.tcp.TH_SYN) and acknowledged is None,
        bool(flags & dpkt.tcp.TH_SYN),
        bytes(tcp.data),
        max(len(tcp.data), _sent(ip) - tcp.off * 4),
    )


def _ip(packet: bytes, link: int) -> Any:
    """The IP packet in `packet`, or None."""
    if link in _LINKS:
        found = _LINKS[link](packet).data
        return found if isinstance(found, (dpkt.ip.IP, dpkt.ip6.IP6)) else None
    version = packet[0] >> 4
    return {4: dpkt.ip.IP, 6: dpkt.ip6.IP6}[version](packet) if version in (4, 6) else None


def _sent(ip: Any) -> int:
    """How many bytes followed IP's headers on the wire, or a number below 1 if IP does not say.

    It does not where the sender's kernel left segmentation to the network card.
    """
    if isinstance(ip, dpkt.ip6.IP6):
        return int(ip.plen - sum(header.length for header in ip.all_extension_headers))
    return int(ip.len - ip.hl * 4)


def _end(address: bytes, port: int) -> str:
    if len(address) == 4:
        return f"{socket.inet_ntop(socket.AF_INET, address)}:{port}"
    return f"[{socket.inet_ntop(socket.AF_INET6, address)}]:{port}"
