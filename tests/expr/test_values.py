from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from runner.expr import NEVER, Quantity, Unknown, merge, quantities, quantity, recorded
from runner.expr.numbers import read_quantity
from runner.expr.values import remembered, text_of
from runner.model.quantity import DURATION_UNITS, KINDS, SIZE_UNITS, Dimension

CELLS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.decimals(), st.text(max_size=20), st.binary(max_size=5),
    st.dates(), st.datetimes(), st.datetimes(timezones=st.just(UTC)), st.timedeltas(), st.lists(st.integers(), max_size=3),
    st.fractions(), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.sampled_from([10**400, -(10**5000), Decimal("1e5000"), Decimal("sNaN"), Decimal("-Infinity"), float("nan"), "NaN"]),
)  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "kind", "value"),
    [
        (5, "count", 5),
        (Decimal("2.50"), "count", Decimal("2.5")),
        (0.1, "count", Decimal("0.1")),
        ("12", "count", 12),
        (3, "kB", 3072),
        (2, "blocks", 16384),
        ("10 GB", "bytes", 10 * 1024**3),
        ("8192 bytes", "bytes", 8192),
        (1500, "ms", Decimal("1.5")),
        (2, "min", 120),
        (timedelta(hours=1, microseconds=5), "interval", Decimal("3600.000005")),
        (timedelta(seconds=2), "ms", 2),
        ("5min", "interval", 300),
        ("1h 30min", "interval", 5400),
        (80, "percent", Decimal("0.80")),
        ("80%", "percent", Decimal("0.8")),
        (Decimal("0.99"), "ratio", Decimal("0.99")),
        (7, "text", "7"),
        (True, "text", "true"),
        ("t", "bool", True),
        (0, "bool", False),
        ("2026-01-02 03:04:05+02", "timestamp", datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)),
        (date(2026, 1, 2), "timestamp", datetime(2026, 1, 2, tzinfo=UTC)),
        (10**30, "count", 10**30),
    ],
)
def test_declared_kinds_become_base_units(cell: object, kind: str, value: object) -> None:
    assert quantity(cell, kind) == Quantity(value, KINDS[kind][0])


@pytest.mark.parametrize(
    ("cell", "value", "dimension"),
    [
        (True, True, Dimension.BOOL),
        (5, 5, Dimension.NUMBER),
        (0.1, Decimal("0.1"), Dimension.NUMBER),
        (timedelta(seconds=3), 3, Dimension.SECONDS),
        ("5min", "5min", Dimension.TEXT),
        ([1, None], "1, (null)", Dimension.TEXT),
        (b"\x01", "\\x01", Dimension.TEXT),
        (
            datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))),
            datetime(2026, 1, 1, tzinfo=UTC),
            Dimension.TIME,
        ),
    ],
)
def test_undeclared_cells_go_by_their_type(cell: object, value: object, dimension: Dimension) -> None:
    assert quantity(cell, None) == Quantity(value, dimension)


@pytest.mark.parametrize(
    ("cell", "kind", "said", "fault"),
    [
        (float("nan"), "count", "x is not a number (NaN)", False),
        (Decimal("NaN"), None, "x is not a number (NaN)", False),
        (float("inf"), "bytes", "x is infinite", True),
        ("many", "count", "x is declared as count but holds 'many'", True),
        (True, "count", "x is declared as count but holds true", True),
        (timedelta(seconds=1), "count", "x is declared as count", True),
        ("5min", "bytes", "x is declared as bytes but holds '5min'", True),
        ("maybe", "bool", "x is declared as bool", True),
        ("soon", "timestamp", "x is declared as timestamp", True),
        pytest.param(10**5000, "count", "x is too large", True, id="huge"),
        (Decimal("1e5000"), None, "x is too large", True),
    ],
)
def test_what_does_not_fit_is_unknown(cell: object, kind: str | None, said: str, fault: bool) -> None:
    found = quantity(cell, kind, "x")
    assert isinstance(found, Unknown)
    assert found.reason.startswith(said)
    assert found.fault is fault


def test_null_is_none() -> None:
    assert all(quantity(None, kind) is None for kind in (None, *KINDS))


def test_unknown_has_no_truth() -> None:
    with pytest.raises(TypeError, match="neither true nor false: why"):
        bool(Unknown("why"))


def test_quantities_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Quantity(1, Dimension.NUMBER).value = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("value", "dimension", "shown"),
    [
        (150_000, Dimension.NUMBER, "150,000"),
        (2**60 + 1, Dimension.NUMBER, "1,152,921,504,606,846,977"),
        (Fraction(1, 3), Dimension.NUMBER, "0.3333"),
        (Fraction(1, 3), Dimension.RATIO, "33.3 %"),
        (1536, Dimension.BYTES, "1.5 kB"),
        (True, Dimension.BOOL, "true"),
        (10**400, Dimension.NUMBER, "a number beyond 10^300"),
        (NEVER.value, Dimension.SECONDS, "never"),
    ],
)
def test_quantities_are_shown_for_people(value: object, dimension: Dimension, shown: str) -> None:
    assert str(Quantity(value, dimension)) == shown  # type: ignore[arg-type]


@given(CELLS, st.sampled_from([None, *KINDS]))
def test_no_cell_raises_and_the_column_agrees_with_the_cell(cell: object, kind: str | None) -> None:
    found = quantity(cell, kind, "x")
    assert (found is None) is (cell is None)
    assert quantities([cell], kind, "x") == [found]
    assert isinstance(str(found), str)
    assert text_of(cell) is not None
    again = recorded(found)
    assert again is None or isinstance(again, (int, float, str, bool))


@given(st.integers(-(10**15), 10**15), st.sampled_from([*SIZE_UNITS, *DURATION_UNITS, "%"]))
def test_units_round_trip(number: int, unit: str) -> None:
    found = read_quantity(f"{number}{unit}")
    assert found is not None
    factor = {**SIZE_UNITS, **DURATION_UNITS, "%": Decimal("0.01")}[unit]
    assert Fraction(found[0]) / Fraction(factor) == number


@given(st.one_of(st.integers(-(2**62), 2**62), st.floats(allow_nan=False, allow_infinity=False, width=32)))
def test_recorded_numbers_come_back(cell: float) -> None:
    found = quantity(cell, "bytes")
    assert remembered(recorded(found), Dimension.BYTES, "x") == found


UNKNOWNS = st.builds(Unknown, st.sampled_from(["a", "b", "c; d"]), st.booleans(), st.booleans())


@given(UNKNOWNS, UNKNOWNS)
def test_merging_has_no_order_and_keeps_the_worse(left: Unknown, right: Unknown) -> None:
    merged = merge(left, right)
    assert merged == merge(right, left)
    assert merged.fault is (left.fault or right.fault)
    assert not merged.learning or (left.learning or right.learning)
