"""From a line to a command and its values, or to a sentence that says why not."""

from __future__ import annotations

from typing import Any

import pytest

from ether_shell.commands.catalogue import COMMANDS
from ether_shell.language.binding import bind
from ether_shell.language.formats import Format
from ether_shell.language.values import BlockAddress, FromFile, NestedLine
from ether_shell.problems import UsageError

VARIABLES = {"_": 42}


@pytest.mark.parametrize(
    ("line", "name", "values"),
    [
        ("ping", "ping", {}),
        ("PING", "ping", {}),
        ("exit", "quit", {}),
        ("alloc 4096", "alloc", {"size": 4096, "session": False}),
        ("alloc 64KiB --session", "alloc", {"size": 65536, "session": True}),
        ("alloc --session 0x10", "alloc", {"size": 16, "session": True}),
        ("write 7 hello", "write", {"handle": 7, "data": b"hello", "at": 0}),
        ("write $_ hex:de ad --at 0x20", "write", {"handle": 42, "data": b"\xde\xad", "at": 32}),
        ("write 7 hex:de  AD be", "write", {"handle": 7, "data": b"\xde\xad\xbe", "at": 0}),
        ("write 7 hex: de ad", "write", {"handle": 7, "data": b"\xde\xad", "at": 0}),
        ("write --at 4 7 hex:de ad", "write", {"handle": 7, "data": b"\xde\xad", "at": 4}),
        ("fill 1 hex:ff 16", "fill", {"handle": 1, "byte": 255, "length": 16, "at": 0}),
        (
            "swap 1 hex:ffffffffffffffff 0000000000000005",
            "swap",
            {"handle": 1, "expected": b"\xff" * 8, "desired": bytes(7) + b"\5", "at": 0},
        ),
        (
            "swap 1 hex:'0000 0000 0000 0001' hex:0000 0000 0000 0002 --at 8",
            "swap",
            {"handle": 1, "expected": bytes(7) + b"\1", "desired": bytes(7) + b"\2", "at": 8},
        ),
        (
            "x/4DW $_+0x10 --big",
            "x",
            {
                "format": Format(4, "d", 4),
                "address": BlockAddress(42, 16),
                "big": True,
                "all": False,
                "full": False,
            },
        ),
        (
            'watch --count 3 0.5  write 7  "a  b" --at 4 # no more',
            "watch",
            {"seconds": 0.5, "command": NestedLine('write 7  "a  b" --at 4', 21), "count": 3},
        ),
        ("diff 7 @1 @12", "diff", {"handle": 7, "first": 1, "second": 12}),
        ("diff 7", "diff", {"handle": 7, "first": None, "second": None}),
        ("write --at=1KiB 7 $_", "write", {"handle": 7, "data": b"$_", "at": 1024}),
        ('write 7 "--at"', "write", {"handle": 7, "data": b"--at", "at": 0}),
        ("write 7 @x", "write", {"handle": 7, "data": FromFile("x", 8), "at": 0}),
        (
            "read 7",
            "read",
            {"handle": 7, "length": None, "at": 0, "as_": "hex", "all": False},
        ),
        (
            "read 7 5 --as TEXT --all",
            "read",
            {"handle": 7, "length": 5, "at": 0, "as_": "text", "all": True},
        ),
        ("free 1 $_ 0x3", "free", {"handle": [1, 42, 3], "all": False}),
        ("free --all", "free", {"handle": [], "all": True}),
        ("fill 1 0xff", "fill", {"handle": 1, "byte": 255, "length": None, "at": 0}),
        ("fill 1 z 3", "fill", {"handle": 1, "byte": 122, "length": 3, "at": 0}),
        ("fill 1 '7' 3", "fill", {"handle": 1, "byte": 0x37, "length": 3, "at": 0}),
        ("fill 1 7", "fill", {"handle": 1, "byte": 7, "length": None, "at": 0}),
        (
            "copy 1 2 --from 3 --at 4",
            "copy",
            {"source": 1, "target": 2, "length": None, "from_": 3, "at": 4},
        ),
        (
            'swap 1 5 "8 bytes!"',
            "swap",
            {"handle": 1, "expected": bytes(7) + b"\5", "desired": b"8 bytes!", "at": 0},
        ),
        ("add 1 -5", "add", {"handle": 1, "delta": -5, "at": 0}),
        ("help", "help", {"command": None}),
        ("help read", "help", {"command": "read"}),
    ],
)
def test_a_line_is_a_command_with_values(line: str, name: str, values: dict[str, Any]) -> None:
    bound = bind(COMMANDS, line, VARIABLES)
    assert bound is not None
    assert (bound.command.name, bound.values) == (name, values)


@pytest.mark.parametrize("line", ["", "  ", "# a comment"])
def test_an_empty_line_is_no_command(line: str) -> None:
    assert bind(COMMANDS, line, {}) is None


@pytest.mark.parametrize(
    ("line", "spot", "says"),
    [
        ("allocc 5", "^", "unknown command 'allocc': did you mean alloc?"),
        ("GET 5", "^", "unknown command 'GET': did you mean read?"),
        ("malloc 5", "^", "unknown command 'malloc': did you mean alloc?"),
        ("xyzzy", "^", "unknown command 'xyzzy'; help lists them"),
        ('"alloc" 5', "^", "begins with a command"),
        ("alloc", "     ^", "SIZE is missing: alloc SIZE [--session]"),
        ("write 1", "       ^", "DATA is missing: write HANDLE DATA [--at N]"),
        ("free", "    ^", "HANDLE is missing: free HANDLE…"),
        ("alloc 12q", "      ^", "'12q' is not a size"),
        ("alloc -1", "      ^", "'-1' is not a size"),
        ("alloc 99999999999999999999", "      ^", "more bytes than 64 bits can count"),
        ("alloc 5 6", "        ^", "alloc takes no '6'"),
        ("read/4xw 1", "^", "unknown command 'read/4xw'"),
        ("x/4q 1", "  ^", "'q' has no place in 4q"),
        ("x/4x", "    ^", "ADDRESS is missing: x[/FMT] ADDRESS"),
        ("x 1+", "  ^", "is not a size"),
        ("watch 1", "       ^", "COMMAND is missing: watch SECONDS COMMAND…"),
        ("watch 0 ping", "      ^", "0 s is not between 0.05 s and a day"),
        ("watch nan ping", "      ^", "nan s is not between"),
        ("watch soon ping", "      ^", "'soon' is not a number of seconds"),
        ("write 1 hello world", "              ^", "text with spaces goes in quotes"),
        ("read zero", "     ^", "'zero' is not a handle"),
        ("read 0", "     ^", "lies outside 1 to"),
        ('read "1"', "     ^", '"1" is not a handle'),
        ("read $_", "     ^", "there is no last handle yet: alloc makes one"),
        ("read $a", "     ^", "$a is not set"),
        ("read 1 --ot 5", "       ^", "read has no option --ot: did you mean --at?"),
        ("read 1 --at", "           ^", "--at needs a value: --at N"),
        ("read 1 --at --all", "            ^", "--at needs a value"),
        ("read 1 --at 1 --at=2", "              ^", "is given twice"),
        ("read 1 --all=yes", "            ^", "--all takes no value"),
        ("read 1 --as hx", "            ^", "not one of hex, text, base64, raw: did you mean hex?"),
        ("read 1 --at=x", "            ^", "'x' is not a size"),
        ("fill 1 300", "       ^", "lies outside 0 to 255"),
        ("fill 1 hex:aabb", "       ^", "is 2 bytes, and this is one"),
        ("write 1 hex:dead bee", "                   ^", "in pairs"),
        ("write 1 hex:dead --at 2 beef", "                        ^", "write takes no 'beef'"),
        ("write 1 hex:'dead' beef", "                   ^", "write takes no 'beef'"),
        ("fill 1 hex:de ad", "              ^", 'in quotes here, hex:"de ad"'),
        ("fill 1 hex:ff 1 2", "                ^", 'in quotes here, hex:"de ad"'),
        ("swap 1 hex:00 00", "       ^", 'in quotes here, hex:"de ad"'),
        ("swap 1 hex:00 00 00", "                 ^", 'in quotes here, hex:"de ad"'),
        ("swap 1 0 hex:00 01", "         ^", "is 2 bytes, and this is 8"),
        ("fill 1 @f", "       ^", "only write takes files"),
        ("swap 1 abc 1", "       ^", "'abc' is not a number or a literal of 8 bytes"),
        ('swap 1 1 "abc"', "         ^", '"abc" is 3 bytes, and this is 8'),
        ("add 1 9223372036854775808", "      ^", "lies outside"),
        ("add 1 1.5", "      ^", "'1.5' is not a number"),
    ],
)
def test_a_line_that_is_none_says_why_and_where(line: str, spot: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        bind(COMMANDS, line, {})
    assert says in str(caught.value)
    assert caught.value.at == spot.index("^")


@pytest.mark.parametrize("line", ["fill 1 hex:aabb", "swap 1 0 hex:00 01", "fill 1 hex:ff 1q"])
def test_quotes_are_not_suggested_where_they_would_not_help(line: str) -> None:
    with pytest.raises(UsageError) as caught:
        bind(COMMANDS, line, {})
    assert "quotes" not in str(caught.value)
