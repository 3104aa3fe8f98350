"""Round limits and text for YAML."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from runner.app.readable import above, literal, quoted, scalar
from runner.config.document import parse as parse_yaml
from runner.expr.numbers import read_quantity
from runner.model.node import plain
from runner.model.quantity import Dimension

NUMERIC = [Dimension.NUMBER, Dimension.BYTES, Dimension.SECONDS, Dimension.RATIO]


@given(st.fractions(min_value=Fraction(1, 10**6), max_value=10**18), st.sampled_from(NUMERIC))
def test_a_limit_is_not_below_and_not_far_above_and_is_read_back(value: Fraction, dimension: Dimension) -> None:
    limit = above(value, dimension)
    assert value <= limit
    # The ladders begin with one unit.
    assert limit <= 3 * value or limit in (1, Fraction(1, 1000), Fraction(1, 100))
    read = read_quantity(literal(limit, dimension).replace("_", ""))
    assert read is not None
    assert Fraction(read[0]) == limit
    assert read[1] is dimension


@pytest.mark.parametrize(
    ("value", "dimension", "text"),
    [
        (140, Dimension.NUMBER, "200"),
        (123456, Dimension.NUMBER, "200_000"),
        (Fraction(3, 1000), Dimension.NUMBER, "0.005"),
        (600, Dimension.BYTES, "1kB"),
        (7 * 1024**3, Dimension.BYTES, "10GB"),
        (4000, Dimension.SECONDS, "2h"),
        (Fraction(3, 10), Dimension.RATIO, "30%"),
        (Fraction(7, 2), Dimension.RATIO, "500%"),
    ],
)
def test_limits_are_what_people_write(value: Fraction, dimension: Dimension, text: str) -> None:
    assert literal(above(Fraction(value), dimension), dimension) == text


@given(st.text() | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_written_is_what_yaml_reads(value: object) -> None:
    root = parse_yaml(f"key: {{inner: {scalar(value)}}}\n", "file").root
    assert plain(root) == {"key": {"inner": value}}


@given(st.text())
def test_quoted_text_is_read_back(text: str) -> None:
    assert plain(parse_yaml(f"key: {quoted(text)}\n", "file").root) == {"key": text}
