"""The command that gives the server a token: auth.

Rule: a token is asked for without being shown, or read from a file. It is never a part of a
line, of a result or of a message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ether_shell.language.declaration import (
    Argument,
    Example,
    Kind,
    Result,
    Results,
    ShellCommand,
    Variables,
)
from ether_shell.language.grammar import Form, Token
from ether_shell.language.values import FromFile
from ether_shell.problems import UsageError
from ether_shell.session.context import Context
from ether_shell.settings import expanded

NOT_IN_A_LINE: Final = (
    "a token is not typed into a line, where everybody sees it:"
    " auth asks for it, auth @FILE reads it from a file"
)


@dataclass(frozen=True, slots=True)
class TokenTaken(Result):
    """The server has accepted the token, or wants none."""

    server: str
    token_wanted: bool


def auth(context: Context, file: FromFile | None) -> Results:
    """Connect anew with another token."""
    session = context.session
    if file is not None:
        wanted = session.authenticate(token_file=expanded(file.path))
    elif context.ask_secret is None:
        raise UsageError("nobody can be asked for a token here: auth @FILE reads it from a file")
    else:
        token = context.ask_secret(f"Token for {session.address}: ")
        if not token:
            raise UsageError("no token was given, nothing has changed")
        wanted = session.authenticate(token=token)
    hello = session.hello
    yield TokenTaken(f"{hello.name} {hello.version}".strip() if hello else "the server", wanted)


def _file(token: Token, _: Variables) -> FromFile:
    if token.form is not Form.FILE:
        raise UsageError(NOT_IN_A_LINE)
    return FromFile(token.path, token.start)


AUTH: Final = ShellCommand(
    "auth",
    "give the server a token",
    auth,
    (
        Argument(
            "file",
            Kind(_file, prefixes=(("@", "a file that holds the token: @token"),)),
            "@FILE, which holds the token; without it you are asked",
            required=False,
        ),
    ),
    examples=(Example("auth @token", "the token in a file"),),
    detail="The token is not shown while it is typed, and is kept in no history and no trace. The "
    "shell connects anew with it, so that SESSION blocks end. A file is read again at each "
    "connection. Start the shell with --token-file, or with ETHER_TOKEN_FILE set, to do without.",
    local=True,
    secret=NOT_IN_A_LINE,
)
