from __future__ import annotations

import pytest

from ether_protocol.tools.conformance.fixture import Fixture
from ether_protocol.tools.conformance.rules import Rule, Theme


def test_a_rule_has_the_name_of_its_function_and_its_docstring() -> None:
    theme = Theme("ranges")

    @theme.rule("What a block promises")
    def read_is_cut(fixture: Fixture) -> None:
        """A READ is cut.

        More that is not printed.
        """

    assert theme.rules == [
        Rule("ranges/read-is-cut", "What a block promises", "A READ is cut", read_is_cut)
    ]


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [("read", True), ("ranges/", True), ("*-v1", True), ("read-*", False), ("write", False)],
)
def test_a_pattern_is_a_part_of_the_name_or_matches_it(pattern: str, meant: bool) -> None:
    rule = Rule("ranges/read-is-cut-v1", "", "", lambda fixture: None)
    assert rule.matches([pattern]) is meant
    assert rule.matches(["none", pattern]) is meant
