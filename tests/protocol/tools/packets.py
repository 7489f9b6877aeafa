"""TCP packets around given bytes, and capture files of them.

Rule: a frame is as a kernel makes it, checksums included, so that other
programs accept it, too. It is made without dpkt, which reads captures.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

from .recording_proxy import Chunk

SERVER_PORT = 9999
CLIENT, SERVER = "10.0.0.1:40000", "10.0.0.2:9999"
_BEGIN_SECONDS = 1_700_000_000
_ADDRESSES = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
_ETHERNET = bytes(12) + b"\x08\x00"
_TTL, _TCP, _WINDOW = 64, 6, 0xFFFF
_FIN, _SYN, _ACK = 0x01, 0x02, 0x10


class Wire:
    """One connection's frames, in the order in which they are sent."""

    def __init__(self, *, mss: int = 1448, first: int = 1000, client_port: int = 40_000) -> None:
        self.frames: list[bytes] = []
        self._mss = mss
        self._port = client_port
        self._sent = {True: first, False: first + 5000}

    def open(self) -> Wire:
        """The three packets that begin a connection."""
        self._send(True, _SYN)
        self._send(False, _SYN | _ACK)
        self._send(True, _ACK)
        return self

    def say(self, to_server: bool, data: bytes) -> Wire:
        """`data` in segments, acknowledged."""
        for start in range(0, len(data), self._mss):
            self._send(to_server, _ACK, data[start : start + self._mss])
        self._send(not to_server, _ACK)
        return self

    def play(self, chunks: Iterable[Chunk]) -> Wire:
        """What was recorded."""
        for chunk in chunks:
            self.say(*chunk)
        return self

    def close(self) -> Wire:
        """Both sides close the connection."""
        for to_server in (True, False):
            self._send(to_server, _FIN | _ACK)
        return self

    def _send(self, to_server: bool, flags: int, data: bytes = b"") -> None:
        ports = (self._port, SERVER_PORT) if to_server else (SERVER_PORT, self._port)
        ends = _ADDRESSES if to_server else _ADDRESSES[::-1]
        acknowledged = 0 if flags == _SYN else self._sent[not to_server] % 2**32
        tcp = _tcp(ports, self._sent[to_server] % 2**32, acknowledged, flags, ends, data)
        self.frames.append(_ETHERNET + _ip(ends, tcp))
        self._sent[to_server] += len(data) + bool(flags & (_SYN | _FIN))


def _tcp(
    ports: tuple[int, int],
    sequence: int,
    acknowledged: int,
    flags: int,
    ends: tuple[bytes, ...],
    data: bytes,
) -> bytes:
    rest = struct.pack(">IIBBH", sequence, acknowledged, 5 << 4, flags, _WINDOW)
    header = struct.pack(">HH", *ports) + rest
    length = len(header) + 4 + len(data)
    pseudo = b"".join(ends) + struct.pack(">BBH", 0, _TCP, length)
    return header + _checksum(pseudo + header + bytes(4) + data) + bytes(2) + data


def _ip(ends: tuple[bytes, ...], payload: bytes) -> bytes:
    begin = struct.pack(">BBHHHBB", 0x45, 0, 20 + len(payload), 0, 0, _TTL, _TCP)
    return begin + _checksum(begin + bytes(2) + b"".join(ends)) + b"".join(ends) + payload


def _checksum(data: bytes) -> bytes:
    """The checksum of the Internet: the complement of the sum of all words, carries added."""
    padded = data + bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack(">H", total ^ 0xFFFF)


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
