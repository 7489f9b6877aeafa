"""What `decode` is told by its arguments, and what it prints.

Rule: input and output stand here, every decision in the files beside this one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from ether_protocol.wire.constants import DEFAULT_PORT

from .cutting import Cutter
from .hextext import parse_hex
from .transcript import Entry, Matcher, as_json, as_text, entries

_NO_DPKT = (
    "reading a capture needs dpkt, which is not installed: "
    "python -m pip install 'ether-protocol[capture]'"
)

_CAPTURE_MAGICS = tuple(
    bytes.fromhex(magic) for magic in ("d4c3b2a1", "a1b2c3d4", "4d3cb2a1", "a1b23c4d", "0a0d0d0a")
)
"""How files of pcap, in either byte order and unit of time, and of pcapng begin."""

_TEXT = bytes(range(0x20, 0x7F)) + b"\t\n\r\f"


def main(arguments: list[str]) -> int:
    """Decode what `arguments` name; returns 0, or 1 where something in it is no message."""
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
    cutter, matcher = Cutter(), Matcher()
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
    messages = unsound = 0
    for entry in found:
        print(write(entry))
        messages += entry.cut.message is not None
        unsound += 0 if entry.cut.sound else entry.cut.length
    if not messages:
        return _fail(file, "there is no message in it")
    if unsound:
        return _fail(file, f"{unsound:,} byte{'s' * (unsound != 1)} of it are no whole message")
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
        "field. An AUTH's token is left out.",
        epilog="Exit status: 0 all of it is messages, 1 some of it is not, 2 usage.",
    )
    parser.add_argument(
        "file", metavar="FILE", nargs="?", default="-", help="default: standard input"
    )
    parser.add_argument(
        "--format",
        choices=("hex", "raw", "pcap"),
        help="how FILE keeps the bytes; found out by itself otherwise. hex: digits, with or "
        "without 0x, or a dump by xxd or hexdump -C. pcap: pcapng too",
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=DEFAULT_PORT,
        metavar="N",
        help="of a capture, take the TCP connections to this port (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a message")
    return parser
