from __future__ import annotations

import ast
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest

import ether_protocol
from protocol import document


def test_all_is_complete() -> None:
    handed_on = {
        name
        for name, value in vars(ether_protocol).items()
        if not name.startswith("_") and getattr(value, "__module__", None) != "importlib"
        if not isinstance(value, types.ModuleType) and name != "TYPE_CHECKING"
    } | set(ether_protocol._MODULE_OF)

    assert set(ether_protocol.__all__) == handed_on


def test_all_is_sorted_constants_then_classes_then_functions() -> None:
    def rank(name: str) -> tuple[int, str]:
        return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)

    names = ether_protocol.__all__
    assert names == sorted(names, key=rank)
    assert len(names) == len(set(names))


def test_every_public_thing_is_documented() -> None:
    for name in ether_protocol.__all__:
        if name.isupper() or name in ("Progress", "Trace"):
            continue  # constants and aliases have no docstring of their own
        assert getattr(ether_protocol, name).__doc__, name


def test_every_section_that_a_docstring_cites_exists() -> None:
    cited = 0
    for name in ether_protocol.__all__:
        thing = getattr(ether_protocol, name)
        members = vars(thing).values() if isinstance(thing, type) else ()
        for documented in (thing, *members):
            doc = getattr(documented, "__doc__", None) or ""
            for titles in re.findall(r"See (\".*?\") in docs/protocol\.md\.", doc, re.S):
                for title in re.findall(r'"(.*?)"', titles):
                    assert document.section(title) or title == "Headers", (name, title)
                    cited += 1
    assert cited > 20


def test_every_file_states_its_rule() -> None:
    for path in sorted(Path(ether_protocol.__file__).parent.rglob("*.py")):
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        assert "Rule: " in doc or "\nRule" in doc, path.name


def test_the_version_is_the_distributions() -> None:
    from importlib.metadata import version

    assert ether_protocol.__version__ == version("ether-protocol")
    assert (Path(ether_protocol.__file__).parent / "py.typed").exists()


@pytest.mark.parametrize("name", ["client", "inspect", "sansio", "tools", "wire"])
def test_a_folder_is_an_attribute_before_anything_imported_it(name: str) -> None:
    program = f"import ether_protocol; print(ether_protocol.{name}.__name__)"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert (ran.stdout, ran.stderr) == (f"ether_protocol.{name}\n", "")
    assert name not in ether_protocol.__all__


def test_another_attribute_is_an_error() -> None:
    with pytest.raises(AttributeError, match="module 'ether_protocol' has no attribute 'nothing'"):
        ether_protocol.nothing  # noqa: B018  the look-up is what is tested
