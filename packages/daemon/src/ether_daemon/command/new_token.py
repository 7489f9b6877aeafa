"""`etherd token NAME`: a new token, and the entry of the auth file that knows it.

Rule: the token is printed once, to stdout, and kept nowhere.
"""

from __future__ import annotations

import os
import secrets
import sys

import click

from ether_daemon.service.access import DIGEST, is_principal_name, of_token
from ether_daemon.settings import CannotStart

_TOKEN_BYTES = 32


def _name(ctx: click.Context, argument: click.Parameter, value: str) -> str:
    if not is_principal_name(value):
        wanted = "1 to 64 letters, digits, '-' and '_'"
        raise click.BadParameter(f"{value!r} is no name of a principal: {wanted}", ctx, argument)
    return value


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("name", metavar="NAME", callback=_name)
@click.option("--read-only", is_flag=True, help="A token that may read, and change nothing.")
def token(name: str, read_only: bool) -> int:
    """Make a new token for the principal NAME.

    Prints the token to stdout, once, and to stderr the entry that belongs in the
    file of `etherd --auth-file`: paste it there and send etherd a SIGHUP. The entry
    has the token's SHA-256, from which nobody can tell the token.

    \b
        etherd token ada > ada.token
    """
    made = secrets.token_urlsafe(_TOKEN_BYTES)
    digest = of_token(made.encode()).value
    assert isinstance(digest, bytes)
    key = "read_token" if read_only else "token"
    _print_token(made)
    print(f'[principals.{name}]\n{key} = "{DIGEST}:{digest.hex()}"', file=sys.stderr, flush=True)
    return 0


def _print_token(made: str) -> None:
    """Raises CannotStart, so that there is no entry for a token that nobody has."""
    try:
        print(made, flush=True)
    except OSError as error:
        # What is left in the buffer would be tried again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise CannotStart(f"can't print the token: {error.strerror}") from None
