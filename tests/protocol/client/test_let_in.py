"""Every client and a real daemon that wants to know who it is, over each kind of connection."""

from __future__ import annotations

import hashlib
import signal
from pathlib import Path
from typing import Any

import pytest

from ether_protocol import Forbidden, QuotaExceeded, Unauthenticated, parse_address
from harness import Etherd, StartEtherd, until
from protocol.client.either import Either

ADA, NEXT, READER = (f"{name}-{'0123456789abcdef' * 3}" for name in ("ada", "next", "reader"))


def entry(*tokens: str) -> str:
    """What stands in the auth file for ada, whom each of `tokens` names."""
    kept = [f'"sha256:{hashlib.sha256(token.encode()).hexdigest()}"' for token in tokens]
    reader = hashlib.sha256(READER.encode()).hexdigest()
    return (
        f"[principals.ada]\ntoken = [{', '.join(kept)}]\n"
        f'read_token = "sha256:{reader}"\nmax_handles = 2\n'
    )


@pytest.fixture
def auth_file(tmp_path: Path) -> Path:
    file = tmp_path / "auth.toml"
    file.touch(0o600)
    file.write_text(entry(ADA))
    return file


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(f"{ADA}\n")
    return file


def way_to(etherd: Etherd) -> tuple[str, dict[str, Any]]:
    """The address of `etherd`, and the options that it takes."""
    if etherd.transport != "tls":
        return etherd.address, {}
    return f"ethers://{etherd.address}", {"tls_ca": etherd.log_path.parent / "ca.pem"}


@pytest.mark.parametrize("transport", ["tcp", "unix", "tls"])
def test_the_token_lets_in_and_a_new_one_is_found(
    each: Either, start_etherd: StartEtherd, auth_file: Path, token_file: Path, transport: str
) -> None:
    etherd = start_etherd("--auth-file", str(auth_file), transport=transport)
    address, options = way_to(etherd)
    with each.connect(address, token_file=token_file, **options) as client:
        assert str(client.address) == str(parse_address(address))
        block = client.alloc(64)
        block.write(b"hello")
        auth_file.write_text(entry(ADA, NEXT))
        etherd.signal(signal.SIGHUP)
        token_file.write_text(NEXT)
        with each.connect(address, token=ADA, **options) as other:
            assert other.read(block.handle, 5) == b"hello"

        def next_one_is_known() -> bool:
            try:
                each.connect(address, token=NEXT, **options).close()
            except Unauthenticated:
                return False
            return True

        until(next_one_is_known, "the daemon has read its file again")
        assert block.read(5) == b"hello"
        block.free()
    for token in (ADA, NEXT):
        assert token not in etherd.log


def test_what_a_principal_may_not_do_is_told(
    each: Either, start_etherd: StartEtherd, auth_file: Path
) -> None:
    etherd = start_etherd("--auth-file", str(auth_file))
    with each.connect(etherd.address, token=ADA) as client:
        blocks = [client.alloc(8), client.alloc(8)]
        with pytest.raises(QuotaExceeded, match=r"^ALLOC: \w"):
            client.alloc(8)
        with each.connect(etherd.address, token=READER) as reader:
            assert reader.read(blocks[0].handle, 8) == bytes(8)
            with pytest.raises(Forbidden, match=rf"^WRITE handle {blocks[0].handle} \[0:1\]: \w"):
                reader.write(blocks[0].handle, b"x")


def test_a_wrong_token_and_none(each: Either, start_etherd: StartEtherd, auth_file: Path) -> None:
    etherd = start_etherd("--auth-file", str(auth_file))
    with pytest.raises(Unauthenticated, match=f"^{etherd.address} does not accept the token$"):
        each.connect(etherd.address, token=NEXT)
    with pytest.raises(Unauthenticated, match=f"^{etherd.address} needs a token: give it with"):
        each.connect(etherd.address)
    assert NEXT not in etherd.log
