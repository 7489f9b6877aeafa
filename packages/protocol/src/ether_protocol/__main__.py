"""The command `python -m ether_protocol TOOL`.

Rule: a tool is a package in `tools` with a `main` that takes the arguments
after the tool's name and returns the exit status; only the chosen tool is
imported.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from importlib import import_module
from typing import Final

TOOLS: Final = {
    "conformance": "check a server against every rule of the protocol",
    "decode": "show the messages in hex text, raw bytes or a network capture",
    "wireshark": "print a dissector for Wireshark and tshark, in Lua",
}


def main(arguments: list[str] | None = None) -> int:
    """Run the tool that `arguments` name; returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = _parser()
    if not arguments:
        parser.print_help(sys.stderr)
        parser.exit(2)
    tool = parser.parse_args(arguments[:1]).tool
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # for terminals that can't print an arrow
    try:
        status = int(import_module(f".tools.{tool}", __package__).main(arguments[1:]))
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader, such as `head`, has closed the pipe: no error, also not at the flush at exit.
        _drop_output()
        return 0
    except OSError as error:
        _drop_output()
        print(f"{tool}: {error.strerror or error}", file=sys.stderr)  # such as a full disk
        return 1


def _drop_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, TOOLS))
    parser = argparse.ArgumentParser(
        prog="python -m ether_protocol",
        description="Tools for the Ether protocol.",
        epilog="tools:\n"
        + "\n".join(f"  {name:{width}}  {what}" for name, what in TOOLS.items())
        + "\n\nTOOL --help shows the arguments of a tool.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("tool", metavar="TOOL", choices=TOOLS, help="one of the tools below")
    return parser


if __name__ == "__main__":
    sys.exit(main())
