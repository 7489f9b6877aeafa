from __future__ import annotations

import pytest

import ether_protocol
from ether_protocol import ErrorCode, EtherError, ServerError
from ether_protocol.wire import errors
from ether_protocol.wire.errors import server_error

NAMED = {
    ErrorCode.NO_MEMORY: errors.NoMemory,
    ErrorCode.INVALID: errors.InvalidRequest,
    ErrorCode.CORRUPT: errors.CorruptStream,
    ErrorCode.OVERFLOW: errors.OutOfRange,
    ErrorCode.NOT_FOUND: errors.NotFound,
    ErrorCode.UNAUTHENTICATED: errors.Unauthenticated,
    ErrorCode.FORBIDDEN: errors.Forbidden,
    ErrorCode.QUOTA: errors.QuotaExceeded,
    ErrorCode.TOO_LARGE: errors.TooLarge,
    ErrorCode.UNSUPPORTED: errors.Unsupported,
    ErrorCode.BUSY: errors.ServerBusy,
}


def test_every_code_that_a_server_sends_has_its_exception() -> None:
    clients_own = {ErrorCode.NETWORK, ErrorCode.TIMEOUT}

    assert set(NAMED) == set(ErrorCode) - clients_own
    assert set(NAMED.values()) == set(ServerError.__subclasses__())


@pytest.mark.parametrize("code", list(ErrorCode), ids=lambda code: code.name)
def test_a_code_becomes_its_exception(code: ErrorCode) -> None:
    error = server_error(code, "why not")

    assert type(error) is NAMED.get(code, ServerError)
    assert (error.code, error.name, str(error)) == (code, code.name, "why not")


def test_an_unknown_code_is_a_server_error() -> None:
    error = server_error(99, "new reasons")

    assert type(error) is ServerError
    assert (error.code, error.name) == (99, "CODE_99")


def test_one_tree_holds_all_exceptions() -> None:
    public = [getattr(ether_protocol, name) for name in ether_protocol.__all__]
    raised = [thing for thing in public if isinstance(thing, type) and issubclass(thing, Exception)]

    assert len(raised) == 20
    assert all(issubclass(kind, EtherError) for kind in raised)
    assert not issubclass(errors.ConnectionLost, errors.ServerError)
    assert not issubclass(errors.OutcomeUnknown, errors.ConnectionLost)
