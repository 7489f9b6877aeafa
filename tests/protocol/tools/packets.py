"""TCP packets around given bytes, and capture files of them.

Rule: a frame is as a kernel makes it, checksums included, so that other
programs accept it, too.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

import dpkt

from .recording_proxy import Chunk

SERVER_PORT = 9999
CLIENT, SERVER = "10.0.0.1:40000", "10.0.0.2:9999"
_BEGIN_SECONDS = 1_700_000_000
_ADDRESSES = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])


class Wire:
    """One connection's frames, in the order in which they are sent."""

    def __init__(self, *, mss: int = 1448, first: int = 1000, client_port: int = 40_000) -> None:
        self.frames: list[bytes] = []
        self._mss = mss
        self._port = client_port
        self._sent = {True: first, False: first + 5000}

    def open(self) -> Wire:
        """The three packets that begin a connection."""
        self._send(True, dpkt.tcp.TH_SYN)
        self._send(False, dpkt.tcp.TH_SYN | dpkt.tcp.TH_ACK)
        self._send(True, dpkt.tcp.TH_ACK)
        return self

    def say(self, to_server: bool, data: bytes) -> Wire:
        """`data` in segments, acknowledged."""
        for start in range(0, len(data), self._mss):
            self._send(to_server, dpkt.tcp.TH_ACK, data[start : start + self._mss])
        self._send(not to_server, dpkt.tcp.TH_ACK)
        return self

    def play(self, chunks: Iterable[Chunk]) -> Wire:
        """What was recorded."""
        for chunk in chunks:
            self.say(*chunk)
        return self

    def close(self) -> Wire:
        """Both sides close the connection."""
        for to_server in (True, False):
            self._send(to_server, dpkt.tcp.TH_FIN | dpkt.tcp.TH_ACK)
        return self

    def _send(self, to_server: bool, flags: int, data: bytes = b"") -> None:
        ports = (self._port, SERVER_PORT) if to_server else (SERVER_PORT, self._port)
        ends = _ADDRESSES if to_server else _ADDRESSES[::-1]
        only_syn = flags == dpkt.tcp.TH_SYN
        tcp = dpkt.tcp.TCP(
            sport=ports[0],
            dport=ports[1],
            seq=self._sent[to_server] % 2**32,
            ack=0 if only_syn else self._sent[not to_server] % 2**32,
            flags=flags,
            data=data,
        )
        ip = dpkt.ip.IP(src=ends[0], dst=ends[1], p=6, ttl=64, data=tcp)
        ip.len = len(ip)
        self.frames.append(bytes(dpkt.ethernet.Ethernet(type=0x0800, data=ip)))
        self._sent[to_server] += len(data) + bool(flags & (dpkt.tcp.TH_SYN | dpkt.tcp.TH_FIN))


def pcap(frames: Iterable[bytes], *, link: int = 1, snap: int = 1 << 18) -> bytes:
    """A capture file of `frames`, a millisecond apart; of each it has at most `snap` bytes."""
    data = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, snap, link))
    for turn, frame in enumerate(frames):
        kept = frame[:snap]
        data += struct.pack("<IIII", _BEGIN_SECONDS, turn * 1000, len(kept), len(frame)) + kept
    return bytes(data)


def write_pcap(path: Path, frames: Iterable[bytes], *, snap: int = 1 << 18) -> Path:
    """The same as a file."""
    path.write_bytes(pcap(frames, snap=snap))
    return path
