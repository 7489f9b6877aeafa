"""Every command of the shell, each declared once.

Rule: one entry a command, in the order in which `help` shows them; what it
does stands in `handlers`.
"""

from __future__ import annotations

from . import handlers
from .declaration import Argument, Catalogue, Command, Example, Option
from .values import BYTE, COMMAND_NAME, DATA, HANDLE, SIGNED, SIZE, WORD, choice

_BLOCK = Argument("handle", HANDLE, "the block")
_AT = Option("at", "first byte of the range in the block (0)", SIZE, default=0)
_FORMS = choice(
    ("hex", "offset, hex and ASCII"),
    ("text", "as text, escaped on a terminal"),
    ("base64", "as one line of base64"),
    ("raw", "the bytes themselves, for a pipe"),
)

COMMANDS = Catalogue(
    (
        Command(
            "ping",
            "does the server answer, and how fast?",
            handlers.ping,
            examples=(Example("ping", "there and back, in milliseconds"),),
        ),
        Command(
            "hello",
            "the server's name, version and limits",
            handlers.hello,
            examples=(Example("hello", "what am I talking to?"),),
        ),
        Command(
            "stats",
            "the server's counters",
            handlers.stats,
            examples=(Example("stats", "how full is it, how busy?"),),
        ),
        Command(
            "alloc",
            "allocate zeroed bytes and get a handle",
            handlers.alloc,
            (Argument("size", SIZE, "bytes, with a unit if you like: 4096, 0x1000, 64KiB"),),
            (Option("session", "free the block when this connection ends"),),
            (
                Example("alloc 4096", "$_ is its handle from now on"),
                Example("alloc 64KiB --session", "gone when you leave"),
            ),
            "A block outlives the connection that made it, and anyone who knows its handle "
            "can use it, until it is freed.",
            changes=True,
        ),
        Command(
            "write",
            "put bytes into a block",
            handlers.write,
            (_BLOCK, Argument("data", DATA, 'text, "text\\n", hex:…, b64:…, @file or @-')),
            (_AT,),
            (
                Example('write $_ "hello, world\\n"', "at the start"),
                Example("write $_ hex:dead beef --at 16", "four bytes from offset 16 on"),
                Example("write $_ b64:3q2+7w== --at 0x20", "the same four elsewhere"),
            ),
            "Up to 16 MiB are written whole or not at all. A larger file goes in steps of 16 MiB "
            "after a look whether it fits; of a pipe, whose end nobody knows, an error says how "
            "much was written. @file reads a file, @- standard input.",
            changes=True,
        ),
        Command(
            "read",
            "show bytes of a block",
            handlers.read,
            (
                _BLOCK,
                Argument("length", SIZE, "how many bytes; to the block's end if left out", False),
            ),
            (
                _AT,
                Option("as", "hex, text, base64 or raw (hex)", _FORMS, "FORM", "hex"),
                Option("all", "on a terminal, show even more than 64 KiB"),
            ),
            (
                Example("read $_", "all of it, as hex"),
                Example("read $_ 5 --as text", "the first five bytes"),
                Example("read $_ 16 --at 0x10", "a range"),
            ),
            "A range that goes beyond the block ends where the block does. In a terminal, "
            "control characters are escaped; into a pipe, text and raw are the bytes as they are.",
        ),
        Command(
            "free",
            "free and wipe blocks",
            handlers.free,
            (Argument("handle", HANDLE, "one block or more", repeated=True),),
            examples=(Example("free $_", "the last one made"),),
            changes=True,
        ),
        Command(
            "realloc",
            "change the size of a block, keeping its bytes",
            handlers.realloc,
            (_BLOCK, Argument("size", SIZE, "the new size in bytes")),
            examples=(
                Example("realloc $_ 8KiB", "what is new is zeroed"),
                Example("realloc $_ 100", "what is cut away is wiped"),
            ),
            changes=True,
        ),
        Command(
            "info",
            "size, kind and age of a block",
            handlers.info,
            (_BLOCK,),
            examples=(Example("info $_", "the last one made"),),
        ),
        Command(
            "list",
            "the blocks that exist, with their sizes",
            handlers.list_,
            options=(Option("all", "on a terminal, even more than 100"),),
            examples=(Example("list", "handle and bytes of each"),),
            aliases=("ls",),
        ),
        Command(
            "fill",
            "set bytes of a block to one value",
            handlers.fill,
            (
                _BLOCK,
                Argument("byte", BYTE, "255, 0xff, hex:ff or a character"),
                Argument("length", SIZE, "how many; to the block's end if left out", False),
            ),
            (_AT,),
            (
                Example("fill $_ 0", "zero it all"),
                Example("fill $_ 0xff 16 --at 32", "sixteen bytes"),
            ),
            changes=True,
        ),
        Command(
            "copy",
            "copy bytes between blocks or within one",
            handlers.copy,
            (
                Argument("source", HANDLE, "the block that is read"),
                Argument("target", HANDLE, "the block that is written"),
                Argument("length", SIZE, "how many; to the source's end if left out", False),
            ),
            (
                Option("from", "first byte in the source (0)", SIZE, default=0),
                Option("at", "first byte in the target (0)", SIZE, default=0),
            ),
            (Example("copy $_ $_ 16 --from 0 --at 32", "within a block; ranges may overlap"),),
            "The bytes never leave the server.",
            changes=True,
        ),
        Command(
            "swap",
            "replace 8 bytes if they are as expected",
            handlers.swap,
            (
                _BLOCK,
                Argument("expected", WORD, "a number (64 bits, big-endian) or 8 bytes"),
                Argument("desired", WORD, "likewise"),
            ),
            (_AT,),
            (
                Example("swap $_ 0 1", "take a lock that is free"),
                Example('swap $_ "\\0\\0\\0\\0\\0\\0\\0\\0" "8 bytes!" --at 8', "with bytes"),
            ),
            "Nothing comes between the comparison and the writing (COMPARE_SWAP). It says what "
            "stood there, whether it was swapped or not. Quotes say where the bytes end: "
            'hex:"0000 0000 0000 0001".',
            changes=True,
        ),
        Command(
            "add",
            "add to a 64-bit number, and tell what it was",
            handlers.add,
            (_BLOCK, Argument("delta", SIGNED, "what to add, such as 1 or -5")),
            (_AT,),
            (
                Example("add $_ 1", "count something"),
                Example("add $_ -5 --at 8", "another number"),
            ),
            "The number is big-endian and wraps around. Nothing comes between reading and "
            "writing it (FETCH_ADD).",
            changes=True,
        ),
        Command(
            "help",
            "this list, or all about one command",
            handlers.help_,
            (Argument("command", COMMAND_NAME, "which one", required=False),),
            examples=(Example("help read", "all about read"),),
            aliases=("?",),
            local=True,
        ),
        Command(
            "quit",
            "leave; blocks stay, but session blocks",
            handlers.leave,
            aliases=("exit",),
            local=True,
        ),
    )
)
