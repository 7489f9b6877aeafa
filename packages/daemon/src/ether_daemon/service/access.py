"""Who may in as which principal, by a token, a user or a certificate, and with which limits.

Rule: a token is known here by its SHA-256 only, and compared with every one there
is in a time that does not tell which of them it is; nothing is read from anywhere.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from .quota import NO_LIMITS, Limits

DIGEST = "sha256"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Grant(NamedTuple):
    """A principal that somebody may act for, and whether only to read."""

    principal: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Credential:
    """What somebody has shown; `value` is a digest, a user's number or a common name."""

    kind: str
    value: object = field(repr=False)


@dataclass(frozen=True, slots=True)
class PrincipalRules:
    """What one principal may do, and who acts for it."""

    tokens: frozenset[bytes] = field(default=frozenset(), repr=False)
    """Digests of tokens."""
    read_tokens: frozenset[bytes] = field(default=frozenset(), repr=False)
    """Digests of tokens that may change nothing."""
    certificates: frozenset[str] = frozenset()
    """Common names of clients' certificates."""
    uids: frozenset[int] = frozenset()
    """Users at the other end of Unix sockets."""
    limits: Limits = NO_LIMITS
    max_clients: int = 0
    """Most connections at a time; 0 for any number."""
    max_shared: int = 0
    """Most bytes of blocks that are mapped; nothing uses it yet."""
    admin: bool = False
    """Whether its STATS tell of every principal."""


class AccessRules:
    """Every principal there is."""

    def __init__(self, principals: Mapping[str, PrincipalRules]) -> None:
        """No token, user or certificate may be two principals', which `conflict` tells."""
        self.principals = principals
        self._tokens: list[tuple[bytes, Grant]] = []
        self._uids: dict[int, Grant] = {}
        self._certificates: dict[str, Grant] = {}
        for name, rules in principals.items():
            self._tokens += [(digest, Grant(name)) for digest in rules.tokens]
            self._tokens += [(digest, Grant(name, True)) for digest in rules.read_tokens]
            self._uids |= dict.fromkeys(rules.uids, Grant(name))
            self._certificates |= dict.fromkeys(rules.certificates, Grant(name))

    @property
    def has_tokens(self) -> bool:
        """Whether AUTH can succeed."""
        return bool(self._tokens)

    def grant(self, credential: Credential) -> Grant | None:
        """Whom `credential` lets its owner act for."""
        value = credential.value
        if isinstance(value, bytes):
            return self._grant_to_token(value)
        if isinstance(value, int):
            return self._uids.get(value)
        return self._certificates.get(str(value))

    def _grant_to_token(self, digest: bytes) -> Grant | None:
        found = None
        for known, grant in self._tokens:
            if hmac.compare_digest(known, digest):
                found = grant
        return found


def is_principal_name(name: str) -> bool:
    """Whether a principal of an auth file may be called so."""
    return _NAME.fullmatch(name) is not None


def of_token(token: bytes) -> Credential:
    """What a token is known by."""
    return Credential("token", hashlib.new(DIGEST, token).digest())


def of_user(uid: int) -> Credential:
    """What a user at the other end of a Unix socket is known by."""
    return Credential("user", uid)


def of_certificate(common_name: str) -> Credential:
    """What the owner of a verified certificate is known by."""
    return Credential("certificate", common_name)


def conflict(principals: Mapping[str, PrincipalRules]) -> str | None:
    """Which two principals nobody could tell apart, in words; None where there are none."""
    owners: dict[tuple[str, object], str] = {}
    for name, rules in principals.items():
        shown: list[tuple[str, object]] = []
        shown += [("token", digest) for digest in rules.tokens]
        shown += [("token", digest) for digest in rules.read_tokens]
        shown += [("uid", uid) for uid in sorted(rules.uids)]
        shown += [("certificate", common_name) for common_name in sorted(rules.certificates)]
        for kind, value in shown:
            other = owners.setdefault((kind, value), name)
            if other != name:
                what = kind if kind == "token" else f"{kind} {value!r}"
                return f"principals.{other} and principals.{name} have the same {what}"
        if rules.tokens & rules.read_tokens:
            return f"principals.{name} has the same token as token and as read_token"
    return None
