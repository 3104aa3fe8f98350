"""SQL per major version."""

from __future__ import annotations

import pytest

from runner.model.diagnostic import Span
from runner.model.node import built_in
from runner.model.sql_variants import SqlVariants, read_sql


class Complaints(list[str]):
    """Gathers what is said."""

    def complain(self, code: str, span: Span, message: str, hint: str = "") -> None:
        assert code
        assert span
        assert hint
        self.append(message)


@pytest.mark.parametrize(
    ("written", "lowest", "picked"),
    [
        ("select 1", 0, {13: "select 1", 18: "select 1"}),
        ({"14": "a", "17": "b"}, 14, {13: None, 14: "a", 16: "a", 17: "b", 18: "b"}),
    ],
)
def test_the_highest_number_not_above_the_server(written: object, lowest: int, picked: dict[int, str | None]) -> None:
    said = Complaints()
    variants = read_sql(built_in(written), said)
    assert (variants.lowest, said) == (lowest, [])
    assert {major: variants.pick(major) for major in picked} == picked


@pytest.mark.parametrize(
    ("written", "messages", "kept"),
    [
        ("", ["the SQL is empty or not a text"], {}),
        (5, ["the SQL is empty or not a text"], {}),
        ([], ["SQL must be a text, or a map from major version to text"], {}),
        ({}, ["SQL must be a text, or a map from major version to text"], {}),
        ({"new": "a", "14": "b"}, ["`new` is not a major version of PostgreSQL"], {14: "b"}),
        ({"14": ["a"], "15": "b"}, ["the SQL for version 14 must be a text"], {15: "b"}),
    ],
)
def test_mistakes(written: object, messages: list[str], kept: dict[int, str]) -> None:
    said = Complaints()
    assert read_sql(built_in(written), said) == SqlVariants(variants=kept)
    assert said == messages
