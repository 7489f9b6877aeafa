"""The docstrings of public names have one form, and what they name exists."""

from __future__ import annotations

import builtins
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import ether_protocol
from protocol import document

NOT_CONVERTED = (
    "ClientConnection",
    "Message",
    "Refused",
    "ServerConnection",
    "dissect",
    "dissect_bytes",
    "format_fields",
    "format_size",
    "parse_address",
    "parse_size",
)
"""Names whose docstrings do not have the form yet."""

BUILT_BY_PROGRAMS = ("Pool", "Retry")
"""Classes whose own docstring describes their arguments."""


def documented() -> Iterator[tuple[str, Any]]:
    """Every public function and class, and the public methods of the classes."""
    for name in ether_protocol.__all__:
        value = getattr(ether_protocol, name)
        if name in NOT_CONVERTED:
            continue
        if inspect.isfunction(value):
            yield name, value
        elif inspect.isclass(value) and value.__module__.startswith("ether_protocol"):
            yield name, value
            for method_name, method in inspect.getmembers(value, inspect.isfunction):
                if not method_name.startswith("_") and method.__module__.startswith("ether_"):
                    yield f"{name}.{method_name}", method


DOCUMENTED = dict(documented())
everything = pytest.mark.parametrize("name", DOCUMENTED)


def sections(name: str) -> dict[str, list[str]]:
    """The names that each section (`Args:`, `Raises:`) of a docstring describes."""
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in (inspect.getdoc(DOCUMENTED[name]) or "").splitlines():
        if re.fullmatch("[A-Z][a-z]+:", line):
            current = found.setdefault(line[:-1], [])
        elif line and not line.startswith(" "):
            current = None
        elif current is not None and (entry := re.match(r"    (\w+): \S", line)):
            current.append(entry[1])
    return found


def parameters(value: Callable[..., object]) -> list[str]:
    return [name for name in inspect.signature(value).parameters if name not in ("self", "cls")]


@everything
def test_a_summary_is_one_sentence_in_one_line(name: str) -> None:
    summary, _, rest = (inspect.getdoc(DOCUMENTED[name]) or "").partition("\n")
    assert summary.endswith("."), summary
    assert not rest or rest.startswith("\n"), f"{name}: an empty line is missing"


@everything
def test_every_argument_is_described(name: str) -> None:
    value = DOCUMENTED[name]
    if inspect.isclass(value) and name not in BUILT_BY_PROGRAMS:
        return
    assert sections(name).get("Args", []) == parameters(value)


@everything
def test_what_is_raised_is_an_exception(name: str) -> None:
    for raised in sections(name).get("Raises", []):
        kind = getattr(ether_protocol, raised, None) or getattr(builtins, raised, None)
        assert isinstance(kind, type), raised
        assert issubclass(kind, Exception), raised


@everything
def test_the_sections_stand_in_one_order(name: str) -> None:
    order = ["Attributes", "Args", "Returns", "Raises"]
    found = list(sections(name))
    assert set(found) <= set(order)
    assert found == sorted(found, key=order.index)


@everything
def test_a_section_of_the_protocol_that_is_named_exists(name: str) -> None:
    doc = inspect.getdoc(DOCUMENTED[name]) or ""
    for title in re.findall(r'See "([^"]+)" in docs/protocol\.md', doc):
        document.section(title)  # raises LookupError
    assert doc.count("docs/protocol.md") <= 1


def test_nothing_is_excused_that_does_not_exist() -> None:
    assert set(NOT_CONVERTED) <= set(ether_protocol.__all__)
    assert list(NOT_CONVERTED) == sorted(NOT_CONVERTED)
