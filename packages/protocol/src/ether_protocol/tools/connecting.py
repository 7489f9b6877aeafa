"""The options of a tool that connects to a server, as `connect` has them.

Rule: a token is never an argument, which every user of the machine can see: it
comes from a file.
"""

from __future__ import annotations

import argparse
import os
import re
from typing import Final

from ether_protocol.client.core.options import ConnectOptions

TOKEN_FILE_VARIABLE: Final = "ETHER_TOKEN_FILE"
"""The environment variable that names the file of the token if no argument does."""


def add_connecting(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        help=f"the file that holds the token, if the server wants one"
        f" (default: ${TOKEN_FILE_VARIABLE})",
    )
    parser.add_argument(
        "--tls-ca",
        metavar="FILE",
        help="for ethers://: the authorities to trust, in place of the system's",
    )
    parser.add_argument(
        "--tls-cert", metavar="FILE", help="for ethers://: the certificate of this client"
    )
    parser.add_argument("--tls-key", metavar="FILE", help="the key of --tls-cert, if not in it")
    parser.add_argument(
        "--tls-insecure",
        action="store_true",
        help="for ethers://: accept any certificate, so that anybody on the way can read and "
        "change everything",
    )


def connect_options(given: argparse.Namespace) -> ConnectOptions:
    """The options that were `given`; raises ValueError as `connect` does."""
    return ConnectOptions(
        token_file=given.token_file or os.environ.get(TOKEN_FILE_VARIABLE) or None,
        tls_ca=given.tls_ca,
        tls_cert=given.tls_cert,
        tls_key=given.tls_key,
        tls_insecure=given.tls_insecure,
    )


def in_flags(message: str) -> str:
    """`message` with the options named as they are typed: `--tls-ca` for `tls_ca`."""
    return re.sub(
        r"\b(tls_ca|tls_cert|tls_key|tls_insecure|token_file)\b",
        lambda found: "--" + found[0].replace("_", "-"),
        message,
    )
