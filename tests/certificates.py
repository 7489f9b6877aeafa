"""Certificates for tests: an authority of one's own, and files of what it has issued.

Rule: made once for a process; no test changes them.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import trustme


@cache
def authority() -> trustme.CA:
    """The authority that tests trust."""
    return trustme.CA()


@dataclass(frozen=True)
class CertificateFiles:
    """A server's certificate with its key, and the authority's, as PEM files."""

    certificate: Path
    key: Path
    ca: Path


def server_files(folder: Path, name: str = "127.0.0.1") -> CertificateFiles:
    """A new certificate for a server that is reached as `name`."""
    files = CertificateFiles(folder / "cert.pem", folder / "key.pem", folder / "ca.pem")
    issued = authority().issue_cert(name)
    files.key.write_bytes(issued.private_key_pem.bytes())
    files.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    authority().cert_pem.write_to_path(str(files.ca))
    return files


def client_context(common_name: str | None = None) -> ssl.SSLContext:
    """What a client that trusts the authority connects with, and whose certificate it shows."""
    context = ssl.create_default_context()
    authority().configure_trust(context)
    if common_name is not None:
        authority().issue_cert(common_name=common_name).configure_cert(context)
    return context
