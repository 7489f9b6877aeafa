"""Sockets that systemd has opened for the daemon (`sd_listen_fds`).

Rule: what the environment says is believed only where it is meant for this very
process, and no program that is started later hears of it.
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping

from ether_daemon.settings import CannotStart, PassedSocket

_FIRST_DESCRIPTOR = 3
_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


def passed_sockets(environment: MutableMapping[str, str], process: int) -> list[PassedSocket]:
    """Take the sockets that are meant for `process`, and the variables that say so.

    Raises CannotStart where one of them can't be listened on.
    """
    process_text, count_text, names_text = (environment.pop(name, "") for name in _VARIABLES)
    if process_text != str(process) or not count_text.isdecimal():
        return []
    names = names_text.split(":")
    found = []
    for number in range(int(count_text)):
        name = names[number] if number < len(names) else ""
        descriptor = _FIRST_DESCRIPTOR + number
        _check(descriptor, name)
        found.append(PassedSocket(descriptor, name))
    return found


def _check(descriptor: int, name: str) -> None:
    what = f"descriptor {descriptor}{f' ({name})' if name else ''} from systemd"
    try:
        os.set_inheritable(descriptor, False)
        sock = socket.socket(fileno=descriptor)
    except OSError as error:
        raise CannotStart(f"{what} is no socket: {error.strerror}") from None
    try:
        kinds = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)
        listens = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        if sock.family not in kinds or sock.type != socket.SOCK_STREAM or not listens:
            raise CannotStart(f"{what} is no stream socket that listens: say Accept=no")
    finally:
        sock.detach()
