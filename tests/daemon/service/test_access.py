from __future__ import annotations

import hmac

import pytest

from ether_daemon.service import access
from ether_daemon.service.access import (
    AccessRules,
    Credential,
    Grant,
    PrincipalRules,
    conflict,
    of_certificate,
    of_token,
    of_user,
)


def digest(token: bytes) -> bytes:
    value = of_token(token).value
    assert isinstance(value, bytes)
    return value


RULES = AccessRules(
    {
        "ada": PrincipalRules(
            frozenset({digest(b"a"), digest(b"b")}), uids=frozenset({5}), admin=True
        ),
        "bob": PrincipalRules(read_tokens=frozenset({digest(b"c")})),
    }
)


def test_every_token_is_compared_whichever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(known: bytes, shown: bytes) -> bool:
        compared.append(known)
        return hmac.compare_digest(known, shown)

    monkeypatch.setattr(access, "hmac", type("Counting", (), {"compare_digest": compare}))
    for token in (b"a", b"b", b"c", b"d", b""):
        compared.clear()
        RULES.grant(of_token(token))
        assert set(compared) == {digest(known) for known in (b"a", b"b", b"c")}


def test_what_is_shown_is_of_one_kind() -> None:
    assert RULES.grant(of_user(5)) == Grant("ada")
    assert RULES.grant(of_certificate("5")) is None
    assert RULES.grant(of_token(b"5")) is None
    assert RULES.grant(of_token(b"c")) == Grant("bob", read_only=True)


def test_without_tokens_there_are_none() -> None:
    assert RULES.has_tokens
    assert not AccessRules({"ada": PrincipalRules(uids=frozenset({5}))}).has_tokens


def test_there_is_no_conflict_between_different_things() -> None:
    assert conflict(RULES.principals) is None


def test_a_credential_does_not_show_itself() -> None:
    assert digest(b"a").hex() not in repr(of_token(b"a"))
    assert repr(Credential("token", digest(b"a"))) == "Credential(kind='token')"
    assert "tokens" not in repr(RULES.principals["ada"])
