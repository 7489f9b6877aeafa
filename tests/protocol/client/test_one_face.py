"""Both clients have the same methods."""

from __future__ import annotations

import inspect

import pytest

from ether_protocol import (
    AsyncBlock,
    AsyncClient,
    AsyncPipeline,
    Block,
    Client,
    Pipeline,
    connect,
    connect_async,
)

OF_ONE_KIND_ONLY = {
    (Client, AsyncClient): {"__enter__", "__exit__", "__aenter__", "__aexit__", "__init__"},
    (Block, AsyncBlock): {
        *("__enter__", "__exit__", "__aenter__", "__aexit__", "__init__"),
        *("__len__", "__setitem__", "__bool__", "size"),
        *("__bytes__", "__iter__", "__contains__"),
    },
    (Pipeline, AsyncPipeline): {"__enter__", "__exit__", "__aenter__", "__aexit__", "__init__"},
}


@pytest.mark.parametrize("twins", OF_ONE_KIND_ONLY, ids=lambda twins: twins[0].__name__)
def test_both_clients_have_one_face(twins: tuple[type, type]) -> None:
    faces = [_face(kind) for kind in twins]
    for name in OF_ONE_KIND_ONLY[twins]:
        for face in faces:
            face.pop(name, None)
    assert faces[0] == faces[1]


def _face(kind: type) -> dict[str, str]:
    """The public methods of `kind` with their parameters, results awaited."""
    face = {}
    for name, member in inspect.getmembers(kind):
        if (name.startswith("_") and name not in vars(kind)) or name.startswith("__slot"):
            continue
        if inspect.isfunction(member) and (not name.startswith("_") or name.startswith("__")):
            parameters = inspect.signature(member).parameters.values()
            face[name] = ", ".join(str(p).replace("Async", "") for p in parameters)
        elif isinstance(member, property):
            face[name] = "property"
    return face


def test_both_connect_alike() -> None:
    one, other = inspect.signature(connect), inspect.signature(connect_async)
    assert str(one).rpartition("->")[0] == str(other).rpartition("->")[0]
