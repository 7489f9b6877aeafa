"""`python -m ether_protocol decode`: from arguments to an exit status.

Rule: `decode` reads and prints only here; what the bytes mean is decided in
the files beside this one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from ether_protocol.wire.constants import DEFAULT_PORT

from .cutting import Cutter
from .hextext import parse_hex
from .transcript import Entry, ReplyMatcher, as_json, as_text, entries

_NO_DPKT = (
    "reading a capture needs dpkt, which is not installed: "
    "python -m pip install 'ether-protocol[capture]'"
)

_CAPTURE_MAGICS = tuple(
    bytes.fromhex(magic) for magic in ("d4c3b2a1", "a1b2c3d4", "4d3cb2a1", "a1b23c4d", "0a0d0d0a")
)
"""How capture files begin: pcap in either byte order and unit of time, and pcapng."""

_TEXT = bytes(range(0x20, 0x7F)) + b"\t\n\r\f"


def main(arguments: list[str]) -> int:
    """Decode the file that `arguments` name; returns 1 if some of it is no message, else 0."""
    options = _parser().parse_args(arguments)
    try:
        data = sys.stdin.buffer.read() if options.file == "-" else Path(options.file).read_bytes()
    except OSError as error:
        return _fail(options.file, error.strerror or str(error))
    found = _decode(data, options.format or detect(data), options.port)
    try:
        return _show(found, as_json if options.json else as_text, options.file)
    except ValueError as error:
        return _fail(options.file, str(error))


def detect(data: bytes) -> str:
    """Which of the formats `data` is in: `pcap`, `hex` or `raw`."""
    if data.startswith(_CAPTURE_MAGICS):
        return "pcap"
    return "raw" if data.translate(None, _TEXT) else "hex"


def _decode(data: bytes, format_: str, port: int) -> Iterator[Entry]:
    if format_ == "pcap":
        yield from _capture(data, port)
        return
    if format_ == "hex":
        data = parse_hex(data.decode("ascii", "backslashreplace"))
    cutter, matcher = Cutter(), ReplyMatcher()
    yield from entries(cutter.feed(data), matcher)
    yield from entries(cutter.end(), matcher)


def _capture(data: bytes, port: int) -> Iterator[Entry]:
    try:
        from .capture import read_capture  # imports dpkt, an extra that nothing else needs
    except ModuleNotFoundError as error:
        if error.name != "dpkt":
            raise
        raise ValueError(_NO_DPKT) from None
    return read_capture(data, port)


def _show(found: Iterator[Entry], write: Callable[[Entry], str], file: str) -> int:
    messages = invalid = 0
    for entry in found:
        print(write(entry))
        messages += entry.cut.message is not None
        invalid += 0 if entry.cut.valid else entry.cut.length
    if not messages:
        return _fail(file, "there is no message in it")
    if invalid:
        return _fail(file, f"{invalid:,} byte{'s' * (invalid != 1)} of it are no whole message")
    return 0


def _fail(file: str, reason: str) -> int:
    sys.stdout.flush()
    print(f"decode: {'standard input' if file == '-' else file}: {reason}", file=sys.stderr)
    return 1


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: a number from 1 to 65535")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ether_protocol decode",
        description="Show the messages in hex text, raw bytes or a network capture, field by "
        "field. The token of an AUTH is not shown.",
        epilog="Exit status: 0 all of it is messages, 1 some of it is not, 2 usage.",
    )
    parser.add_argument(
        "file", metavar="FILE", nargs="?", default="-", help="default: standard input"
    )
    parser.add_argument(
        "--format",
        choices=("hex", "raw", "pcap"),
        help="the format of FILE (default: detected). hex: digits, with or without 0x, or a dump "
        "by xxd or hexdump -C. pcap: a network capture, pcap or pcapng",
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=DEFAULT_PORT,
        metavar="N",
        help="in a capture, decode the TCP connections to this port (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per message")
    return parser
