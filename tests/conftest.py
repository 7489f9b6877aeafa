"""Fixtures that several packages' tests share.

Rule: a fixture that starts something ends it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ether_protocol import Client, connect
from harness import Etherd, StartEtherd


@pytest.fixture
def start_etherd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartEtherd]:
    """Start daemons with flags of one's own; all are stopped at the end."""
    started: list[Etherd] = []

    def start(*flags: str, env: dict[str, str] | None = None, transport: str = "tcp") -> Etherd:
        home = tmp_path_factory.mktemp("etherd")
        daemon = Etherd(home, *flags, env=env, transport=transport)
        started.append(daemon)
        return daemon

    yield start
    for daemon in started:
        daemon.stop()


@pytest.fixture
def etherd(start_etherd: StartEtherd, request: pytest.FixtureRequest) -> Etherd:
    """A real daemon on a free port, with its default settings.

    A test may name another of the TRANSPORTS as the fixture's parameter.
    """
    return start_etherd(transport=getattr(request, "param", "tcp"))


@pytest.fixture
def client(etherd: Etherd) -> Iterator[Client]:
    """A client connected to `etherd`."""
    with connect(etherd.address) as client:
        yield client


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home directory that nothing of the machine shines through."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path
