"""What a client does when its connection is lost: whether, when and how it connects again.

Rule: decisions without I/O; a client drives `recover` and `begin` as it drives
the operations, and does what each step says.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeAlias

from ether_protocol.wire.address import ServerAddress
from ether_protocol.wire.bodies import Hello
from ether_protocol.wire.errors import ConnectionLost, ServerRestarted, TimedOut

from .handshake import NewConnection, check_same_server, handshake
from .operations import Operation
from .options import ConnectOptions
from .tracing import Trace


@dataclass(frozen=True, slots=True)
class Pause:
    """Step: wait for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Step: open another connection, carry out `begin` on it, and make it the client's own."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """Step: go on over the new connection with what the lost one left unfinished."""


RecoveryStep: TypeAlias = Pause | Reconnect | Repeat

Recovery: TypeAlias = Generator[RecoveryStep, None, None]
"""Gives steps; the ConnectionLost that a step raises is thrown into it."""


class Reconnection:
    """What one client knows about its server from one connection to the next."""

    def __init__(self, address: ServerAddress, options: ConnectOptions) -> None:
        self.address = address
        self.options = options
        self.server: Hello | None = None
        """What the server said about itself at the last connection, if it was asked."""
        self.closed: bool = False
        """Whether the client was closed, by the program or because the server restarted."""
        self.handshake_trace: Trace | None = options.trace
        """The hook that is shown the handshake: only one that was there from the beginning."""
        self._trace: Trace | None = options.trace

    def close(self) -> None:
        """End the client for good."""
        self.closed = True

    def check_open(self) -> None:
        """Raise ConnectionLost if the client was closed."""
        if self.closed:
            raise client_closed(self.address)

    def replace_trace(self, hook: Trace | None) -> None:
        """Show the messages of every later connection to `hook`, None for nobody."""
        self._trace = hook
        self.handshake_trace = None

    @property
    def gives_up(self) -> bool:
        """Whether a lost connection is reported at once, without another attempt."""
        retry = self.options.retry
        return not self.closed and (retry is None or not retry.attempts)

    def begin(self, connection: NewConnection) -> Operation[None]:
        """The first requests on a new connection; raises what makes it unusable.

        ServerRestarted closes the client: its handles may name other blocks now.
        """
        hello = None
        if self.options.asks_hello:
            hello = yield from handshake(connection, self.options)
        else:
            connection.limit_silence(self.options.timeout)
        try:
            check_same_server(self.address, self.server, hello)
        except ServerRestarted:
            self.close()
            raise
        connection.trace(self._trace)
        self.server = hello

    def recover(self, lost: ConnectionLost) -> Recovery:
        """After the connection was lost: how to go on, until it succeeds or is given up.

        Raises the last ConnectionLost when there are no attempts left, and at
        once for a silent server, since a repetition would only wait as long
        again.  A client that is closed meanwhile always raises the same error.
        """
        pauses = self.options.pauses()
        while not isinstance(lost, TimedOut | ServerRestarted):
            self.check_open()
            pause = next(pauses, None)
            if pause is None:
                break
            yield Pause(pause)
            self.check_open()
            try:
                yield Reconnect()
                yield Repeat()
            except ConnectionLost as error:
                lost = error
            else:
                return
        raise lost


def client_closed(address: ServerAddress) -> ConnectionLost:
    """The error of every request to a client that was closed."""
    return ConnectionLost(f"not connected to {address}: the client was closed")
