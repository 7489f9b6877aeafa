"""Fixtures of the suites that run with every client.

Rule: a daemon is shared by a file's tests, so none of them may count its blocks.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ether_protocol import Block, Client
from harness import Etherd
from protocol.client.chaos import Proxy, chaos
from protocol.client.doors import Certificates
from protocol.client.either import KINDS, Either, either
from protocol.client.text import TEXT


@pytest.fixture(scope="module")
def shared_etherd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etherd]:
    """One daemon for a file."""
    daemon = Etherd(tmp_path_factory.mktemp("etherd"))
    yield daemon
    daemon.stop()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority that no machine trusts, and the certificates that it issues."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(params=KINDS)
def each(request: pytest.FixtureRequest) -> Iterator[Either]:
    """How to connect, with one kind of client after the other."""
    kind = either(request.param)
    yield kind
    kind.close()


@pytest.fixture
def any_client(each: Either, shared_etherd: Etherd) -> Iterator[Client]:
    """A client of one kind after the other."""
    with each.connect(shared_etherd.address) as client:
        yield client


@pytest.fixture
def block(any_client: Client) -> Iterator[Block]:
    """A block that holds TEXT."""
    with any_client.alloc(len(TEXT)) as block:
        block.write(TEXT)
        yield block


@pytest.fixture
def proxy(shared_etherd: Etherd) -> Iterator[Proxy]:
    """A network that can be told to fail, in front of `shared_etherd`."""
    with chaos(shared_etherd.port) as proxy:
        yield proxy
