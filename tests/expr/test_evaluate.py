from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings, strategies as st

from runner.errors import ExpressionError
from runner.expr import Environment, Quantity, Unknown, Value, in_words, parse, quantity, truth, value
from runner.expr.facts import facts
from runner.model.history import HistoryNeed, Past, Sample, Series, Summary
from runner.model.quantity import Dimension
from tests.expr.sample import NOW, environment, evaluated
from tests.expr.test_values import CELLS


@dataclass(frozen=True)
class Double:
    name: str = "acme.double"

    @staticmethod
    def call(number: float) -> float:
        return 1 / number * 0 + number * 2


def of(text: str, **cells: object) -> bool | Unknown:
    row = {name: quantity(cell, None, name) for name, cell in cells.items()}
    return truth(parse(text), Environment(row=row, rows=[row], functions={"acme.double": Double()}))


@pytest.mark.parametrize(
    ("text", "cells", "expected"),
    [
        ("x > 5", {"x": 6}, True),
        ("x >= 5 and x <= 5 and x = 5 and x == 5", {"x": 5}, True),
        ("x != 5 or x <> 5", {"x": 5}, False),
        ("x between 5 and 6", {"x": 5}, True),
        ("x not between 5 and 6", {"x": 7}, True),
        ("x in (1, 2)", {"x": 2}, True),
        ("x in ('a', 'b')", {"x": "b"}, True),
        ("x not in ('a', 'b')", {"x": "c"}, True),
        ("x matches '^or'", {"x": "orders"}, True),
        ("x not matches '^or'", {"x": "orders"}, False),
        ("x is true and x is not false", {"x": True}, True),
        ("x is null", {"x": None}, True),
        ("x is not null", {"x": 1}, True),
        ("not x", {"x": False}, True),
        ("x", {"x": True}, True),
        ("x > 10GB", {"x": 11 * 1024**3}, True),
        ("x > 1h", {"x": timedelta(minutes=61)}, True),
        ("x > 20% of y", {"x": 21, "y": 100}, True),
        ("x / y > 10% and x / y > 0.1", {"x": 11, "y": 100}, True),
        ("x / y * y = x", {"x": 1, "y": 3}, True),
        ("x = 0.1", {"x": 0.1}, True),
        ("x + 0.2 = 0.3", {"x": Decimal("0.1")}, True),
        ("x * x > 1", {"x": 10**200}, True),
        ("x + 1 > x", {"x": 2**80}, True),
        ("coalesce(x, 0) = 0", {"x": None}, True),
        ("coalesce(x / 0, 7) = 7", {"x": 1}, True),
        ("x / 0 is null", {"x": 1}, True),
        ("-x < 0", {"x": 3}, True),
        ("acme.double(x) = 6", {"x": 3}, True),
        ("x or y > 1", {"x": True, "y": None}, True),
        ("x and y > 1", {"x": False, "y": None}, False),
        ("x in (1, y)", {"x": 1, "y": None}, True),
    ],
)
def test_conditions(text: str, cells: Mapping[str, object], expected: bool) -> None:
    assert of(text, **cells) is expected


@pytest.mark.parametrize(
    ("text", "cells", "reason", "fault"),
    [
        ("x > 5", {"x": None}, "x is null", False),
        ("not x > 5", {"x": None}, "x is null", False),
        ("x + 1 > 5", {"x": None}, "x is null", False),
        ("x > 5 and y > 5", {"x": None, "y": 6}, "x is null", False),
        ("x > 5 or y > 5", {"x": None, "y": None}, "x is null; y is null", False),
        ("x in (1, y)", {"x": 2, "y": None}, "y is null", False),
        ("x is true", {"x": None}, "x is null", False),
        ("x / y > 5", {"x": 1, "y": 0}, "division by zero: y is 0", False),
        ("x > 5", {"x": float("nan")}, "x is not a number (NaN)", False),
        ("z > 5", {"x": 1}, "the result has no column z", True),
        ("z is null", {"x": 1}, "the result has no column z", True),
        ("coalesce(z, 5) > 1", {"x": 1}, "the result has no column z", True),
        ("x > 5", {"x": float("inf")}, "x is infinite", True),
        ("x > 5min", {"x": 7}, "x is a number and 5min is a duration", True),
        ("x > 5", {"x": "7"}, "x is text and 5 is a number", True),
        ("x + 'a' = 1", {"x": 7}, "x is a number and 'a' is text", True),
        ("x matches '7'", {"x": 7}, "x is a number, and only text matches a pattern", True),
        ("x", {"x": 7}, "x is a number, not a truth value", True),
        ("previous.x > 5", {"x": 7}, "no history yet", False),
        ("params.n > 5", {"x": 7}, "there is no parameter n", True),
        ("before.x > 5", {"x": 7}, "there is no row before", False),
        ("acme.double(x) > 5", {"x": 0}, "the function acme.double failed (ZeroDivisionError)", True),
        ("acme.double(x) > 5", {"x": None}, "x is null", False),
        ("other(x) > 5", {"x": 1}, "there is no function other", True),
        ("at(x, x) > 5", {"x": 1}, "`at` wants a written duration here", True),
        ("max(x) > 5", {"x": None}, "x is null (in 1 of 1 rows)", False),
        ("any(x > 5)", {"x": None}, "x is null (in 1 of 1 rows)", False),
    ],
)
def test_what_cannot_be_known_has_a_reason(text: str, cells: Mapping[str, object], reason: str, fault: bool) -> None:
    assert of(text, **cells) == Unknown(reason, "history" in reason, fault)


def test_aggregates_without_rows() -> None:
    empty = Environment(dimensions={"lag": Dimension.SECONDS})
    assert truth(parse("rows = 0 and count(x > 1) = 0 and sum(lag) < 5min and all(x) and not any(x)"), empty) is True
    assert truth(parse("max(x) > 5"), empty) == Unknown("there are no rows, so max(x) has no value")


def test_kleene_forces_aggregates_too() -> None:
    rows = [{"x": quantity(cell, None)} for cell in (1, None, 9)]
    given = Environment(row=rows[0], rows=rows)
    assert truth(parse("any(x > 5)"), given) is True
    assert truth(parse("all(x > 5)"), given) is False
    assert isinstance(truth(parse("count(x > 5) > 0"), given), Unknown)


HISTORY = [
    ("previous.size", "9.0 GB"),
    ("delta(size)", "1.0 GB"),
    ("rate(size, 1d)", "1.0 GB"),
    ("growth(size)", "11.1 %"),
    ("growth(size, 5d)", "100 %"),
    ("at(size, 7d)", "3.0 GB"),
    ("avg_over(size, 3d)", "8.0 GB"),
    ("min_over(size, 3d)", "7.0 GB"),
    ("max_over(size, 30d)", "9.0 GB"),
    ("median_over(size, 3d)", "8.0 GB"),
    ("stddev_over(size, 3d)", "1.0 GB"),
    ("count_over(size, 3d)", "3"),
    ("changed(table)", "false"),
    ("changed(size)", "true"),
    ("eta(size, 15GB)", "5 d"),
    ("eta(size, 8GB)", "0 ms"),
    ("eta(size, 1GB)", "never"),
    ("eta(size, 10GB)", "0 ms"),
]


@pytest.mark.parametrize(("text", "shown"), HISTORY)
def test_history(text: str, shown: str) -> None:
    assert evaluated(text) == shown


def past_of(text: str, *values: object, step: timedelta = timedelta(hours=1)) -> Environment:
    found = tuple(
        Sample(NOW - step * (len(values) - place), given)  # type: ignore[arg-type]
        for place, given in enumerate(values)
    )
    past = Past({Series(): dict.fromkeys(facts(parse(text)).needs, found)})
    return Environment(row={"x": quantity(100, "count")}, past=past, now=NOW, dimensions={"x": Dimension.NUMBER})


@pytest.mark.parametrize(
    ("text", "values", "reason", "learning"),
    [
        ("delta(x) > 1", (), "no history yet", True),
        ("zscore(x, 7d) > 1", (1,) * 7, "x has 7 values in its history, 8 are needed", True),
        ("stddev_over(x, 7d) > 1", (1,), "x has 1 value in its history, 2 are needed", True),
        ("eta(x, 200) < 7d", (1, 2), "x has 2 values in its history, 3 are needed", True),
        ("at(x, 7d) > 1", (1, 2), "no value of x from about 7 d ago", True),
        ("rate(x) > 1", (101,), "x went backwards since the last run (was the counter reset?)", False),
        ("stddev_over(x, 1d) > 1", (1.7e308, -1.7e308), "stddev_over(x) is too large a number", False),
        ("growth(x) > 1%", (0,), "previous.x is 0, so x has no relative growth", False),
        ("delta(x) > 1", (None,), "previous.x is null", False),
        ("changed(x)", (None,), "previous.x is null", False),
        ("previous.x > 1", (None,), "previous.x is null", False),
    ],
)
def test_missing_history_is_learning_and_bad_history_is_not(
    text: str, values: tuple[object, ...], reason: str, learning: bool
) -> None:
    found = truth(parse(text), past_of(text, *values))
    assert isinstance(found, Unknown)
    assert (found.reason, found.learning) == (reason, learning)


def test_a_flat_history_is_measured_by_its_level() -> None:
    assert truth(parse("zscore(x, 7d) > 0.9"), past_of("zscore(x, 7d)", *[99] * 8)) is True
    assert truth(parse("zscore(x, 7d) > 1.1"), past_of("zscore(x, 7d)", *[99] * 8)) is False
    robust = (98, 99, 100, 101, 102, 98, 100, 5000)
    assert truth(parse("zscore(x, 7d) < 1"), past_of("zscore(x, 7d)", *robust)) is True


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("eta(x, 200) < 7d", (70, 80, 90), True),
        ("eta(x, 200) > 9h and eta(x, 200) < 11h", (70, 80, 90), True),
        ("eta(x, 200) < 7d", (130, 120, 110), False),
        ("eta(x, 200) > 7d", (130, 120, 110), True),
        ("eta(x, 200) < 7d", (100, 100, 100), False),
        ("eta(x, 0) < 11h", (130, 120, 110), True),
        ("eta(x, 95) = 0s", (70, 80, 90), True),
        ("eta(x, 200) + 1h > 1h", (130, 120, 110), None),
    ],
)
def test_eta_follows_the_trend(text: str, values: tuple[int, ...], expected: bool | None) -> None:
    found = truth(parse(text), past_of(text, *values))
    assert found is expected if expected is not None else isinstance(found, Unknown)


def test_the_present_null_does_not_hide_the_dimension_of_the_past() -> None:
    text = "previous.lag > 5min"
    past = Past({Series(): {need: (Sample(NOW, 301),) for need in facts(parse(text)).needs}})
    given = Environment(row={"lag": None}, past=past, now=NOW, dimensions={"lag": Dimension.SECONDS})
    assert truth(parse(text), given) is True


def test_before_and_after() -> None:
    row: dict[str, Value] = {"x": quantity(5, None)}
    given = Environment(row=row, before={"x": quantity(100, None)}, after=row)
    assert truth(parse("after.x < 10% of before.x"), given) is True
    assert truth(parse("after.x < 10% of before.x"), replace(given, after=None)) == Unknown("there is no row after")


def test_times() -> None:
    seen = datetime(2026, 1, 2, tzinfo=UTC)
    given = Environment(row={"ts": quantity(seen, None)}, now=seen + timedelta(days=8))
    assert truth(parse("age(ts) > 7d and ts + 1d > ts and ts - ts = 0s"), given) is True
    assert isinstance(truth(parse("ts + 1e300 * 1d > ts"), given), Unknown)


def test_words_hold_the_values() -> None:
    text = "dead_rows > 100000 and dead_rows > 10% of live_rows or missing > 1 or delta(size) > 2GB"
    assert in_words(parse(text), environment(text)) == (
        "dead_rows (150,000) > 100,000 and dead_rows (150,000) > 10 % of live_rows (900,000)"
        " or missing (null) > 1 or delta(size) (1.0 GB) > 2 GB"
    )
    assert in_words(parse("(a + b) * 2 > -(c - 1) and not (d or e)")) == "(a + b) * 2 > -(c - 1) and not (d or e)"


NAMES = ("a", "b", "c")
ATOMS = st.sampled_from(
    [
        "a > 5",
        "b = 'x'",
        "c is true",
        "a / b > 10%",
        "a is null",
        "b between a and 5",
        "a in (1, 2, b)",
        "b matches 'x'",
        "max(a) > 3",
        "any(b = a)",
        "delta(a) > 1",
        "zscore(b, 7d) > 2",
        "eta(a, 5) < 7d",
        "changed(b)",
        "rate(c, 1h) > 1",
        "coalesce(a, b) < c",
        "round(a, 2) = b",
        "least(a, b) > c",
        "length(b) > 2",
        "age(c) > 1d",
        "a + b * c - a > 7GB",
        "growth(a, 1d) > 5%",
        "abs(a) > 20% of b",
        "contains(b, 'x')",
        "previous.c",
        "nullif(a, b) = 1",
        "sum(a) > 1min",
        "-a < floor(b)",
        "avg_over(a, 1d) > avg(a)",
        "a",
        "not b",
        "stddev_over(a, 1d) > 1",
        "at(c, 1d) = c",
        "b in ('x', 'y')",
        "a not between 1s and 5s",
    ]
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds("({}) and ({})".format, inner, inner),
        st.builds("({}) or ({})".format, inner, inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=6,
)
KIND = st.sampled_from([None, "count", "bytes", "ms", "percent", "text", "bool", "timestamp", "interval"])
NUMBERS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3))


@st.composite
def environments(draw: st.DrawFn, text: str) -> Environment:
    rows = [{name: quantity(draw(CELLS), draw(KIND), name) for name in NAMES} for _ in range(draw(st.integers(1, 3)))]
    every = tuple(Sample(NOW - timedelta(hours=9 - place), draw(NUMBERS)) for place in range(draw(st.integers(0, 9))))
    needs: frozenset[HistoryNeed] = facts(parse(text)).needs
    return Environment(row=rows[0], rows=rows, past=Past({Series(): dict.fromkeys(needs, every)}), now=NOW)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_evaluation_never_raises(data: st.DataObject) -> None:
    text = data.draw(CONDITIONS)
    given_ = data.draw(environments(text))
    found = truth(parse(text), given_)
    assert found is True or found is False or isinstance(found, Unknown)
    assert value(parse(f"not not ({text})"), given_) == (
        found if isinstance(found, Unknown) else Quantity(found, Dimension.BOOL)
    )
    bare = value(parse(text), given_)
    assert bare is None or isinstance(bare, (Quantity, Unknown))
    assert in_words(parse(text), given_)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_and_and_or_have_no_order(data: st.DataObject) -> None:
    left, right = data.draw(CONDITIONS), data.draw(CONDITIONS)
    for word in ("and", "or"):
        given_ = data.draw(environments(f"({left}) {word} ({right})"))
        one, other = (truth(parse(f"({a}) {word} ({b})"), given_) for a, b in ((left, right), (right, left)))
        assert one == other


def test_unknown_is_never_false_unless_kleene_forces_it() -> None:
    """Every combination of three conditions, against a truth table made by trying both values for the unknown."""
    forms = ["p and q", "p or q", "not p", "p and not q", "(p or q) and r", "not (p and q) or r", "p or q or r"]
    for form, cells in itertools.product(forms, itertools.product([True, False, None], repeat=3)):
        named = dict(zip("pqr", cells, strict=True))
        possible = {
            of(form, **dict(zip("pqr", filled, strict=True)))
            for filled in itertools.product(*[(cell,) if cell is not None else (True, False) for cell in cells])
        }
        found = of(form, **named)
        assert isinstance(found, Unknown) or possible == {found}, (form, named)
        assert not isinstance(found, Unknown) or None in cells


def test_a_bad_call_is_found_by_evaluation_too_but_bad_text_is_an_error() -> None:
    assert isinstance(of("delta(x + 1) > 1", x=1), Unknown)
    with pytest.raises(ExpressionError):
        of("x >", x=1)


SUMMARISED = (
    Sample(NOW - timedelta(days=40), 5, Summary(3, 1, 9, 5.0)),
    Sample(NOW - timedelta(days=39), None, Summary(1, -2, -2, -2.0)),
    Sample(NOW - timedelta(days=38), None),
    Sample(NOW - timedelta(hours=2), 7),
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("avg_over(x, 90d)", "4"),
        ("min_over(x, 90d)", "-2"),
        ("max_over(x, 90d)", "9"),
        ("count_over(x, 90d)", "5"),
        ("median_over(x, 90d)", "6"),
        ("stddev_over(x, 90d)", "1.4142"),
        ("at(x, 40d)", "5"),
        ("delta(x)", "93"),
        ("rate(x, 1h)", "46.5"),
    ],
)
def test_hours_and_days_that_were_merged_count_as_all_that_they_stand_for(text: str, shown: str) -> None:
    past = Past({Series(): dict.fromkeys(facts(parse(text)).needs, SUMMARISED)})
    found = value(parse(text), Environment(row={"x": quantity(100, "count")}, past=past, now=NOW))
    assert isinstance(found, Quantity)
    assert float(found.value) == pytest.approx(float(shown), abs=1e-4)  # type: ignore[arg-type]


def test_merged_texts_are_no_numbers_and_change() -> None:
    texts = (Sample(NOW - timedelta(days=40), "b", Summary(12)),)

    def found(text: str) -> object:
        past = Past({Series(): dict.fromkeys(facts(parse(text)).needs, texts)})
        return value(parse(text), Environment(row={"x": quantity("c", None)}, past=past, now=NOW))

    assert found("changed(x)") == Quantity(True, Dimension.BOOL)
    assert isinstance(found("count_over(x, 90d)"), Unknown)
