"""The format `nagios`, by the guidelines for monitoring plugins."""

from __future__ import annotations

import re

import pytest

from runner.formats.nagios import render
from runner.model.history import Series
from runner.model.quantity import Dimension
from runner.model.result import Column, Observation, Outcome
from tests.formats import samples
from tests.formats.samples import Templates, report, result

ITEM = re.compile(r"'[^'=|]+'=-?[0-9]+(\.[0-9]+)?(B|s|%)?(;[0-9.:]*){0,2}")


def first_line(*results) -> str:
    return render(report(*results), {}, Templates()).splitlines()[0]


def measured(value, dimension: Dimension, warning: str = "", critical: str = "") -> str:
    column = Column(name="x", dimension=dimension, warning=warning, critical=critical)
    outcome = Outcome(summary="fine", columns=(column,), observations=(Observation(values={"x": value}),))
    return first_line(result("job", outcome)).partition(" | ")[2]


@pytest.mark.parametrize("name", sorted(samples.ALL))
def test_every_report_keeps_to_the_guidelines(name: str) -> None:
    text = render(samples.ALL[name](), {}, Templates())
    first, *others = text.splitlines()
    assert re.match(r"(OK|WARNING|CRITICAL|UNKNOWN) - \S", first)
    said, _, data = first.partition(" | ")
    assert "|" not in said + "".join(others)
    assert all(ITEM.fullmatch(item) for item in re.findall(r"'[^']*'=\S+", data))
    assert len(text.encode("utf-8")) <= 8192


@pytest.mark.parametrize(
    ("value", "dimension", "expected"),
    [
        (42, Dimension.NUMBER, "'job:x'=42"),
        (0.1, Dimension.NUMBER, "'job:x'=0.1"),
        (1e-7, Dimension.SECONDS, "'job:x'=0.0000001s"),
        (1e21, Dimension.BYTES, "'job:x'=1000000000000000000000B"),
        (0.433, Dimension.RATIO, "'job:x'=43.3%"),
        (True, Dimension.BOOL, "'job:x'=1"),
        (-5, Dimension.NUMBER, "'job:x'=-5"),
        (float("nan"), Dimension.NUMBER, ""),
        (10**400, Dimension.NUMBER, ""),
        ("text", Dimension.TEXT, ""),
        (None, Dimension.NUMBER, ""),
    ],
)
def test_values_are_in_base_units_without_exponents(value, dimension: Dimension, expected: str) -> None:
    assert measured(value, dimension) == expected


@pytest.mark.parametrize(
    ("dimension", "warning", "critical", "expected"),
    [
        (Dimension.NUMBER, "x > 100_000", "x >= 1000000", ";100000;1000000"),
        (Dimension.NUMBER, "x < 5", "", ";5:"),
        (Dimension.BYTES, "x > 10GB", "x > 1.5 TB", "B;10737418240;1649267441664"),
        (Dimension.SECONDS, "x > 5min", "x > 1 h", "s;300;3600"),
        (Dimension.RATIO, "x > 80%", "x > 0.9", "%;80;90"),
        (Dimension.NUMBER, "x > 20% of y", "y > 3", ""),
        (Dimension.SECONDS, "x > 10 mins", "x > 5 parsecs", "s;600"),
        (Dimension.NUMBER, "x > 10GB", "x > 1 and x < 3", ""),
    ],
)
def test_thresholds_become_ranges_where_they_can(
    dimension: Dimension, warning: str, critical: str, expected: str
) -> None:
    assert measured(1, dimension, warning, critical).partition("=1")[2].removeprefix("00") == expected


def test_labels_lose_what_would_end_them() -> None:
    observation = Observation(series=Series("db", ("it's=a|b",)), values={"x": 1})
    assert first_line(result("job", Outcome(summary="", observations=(observation,)))).endswith(
        "| 'job:db/it_s_a_b:x'=1"
    )


def test_a_single_result_speaks_for_itself() -> None:
    assert first_line(result("job", Outcome(summary="all 3 | well"))) == "OK - job: all 3 / well"


def test_what_is_left_out_is_counted() -> None:
    many = tuple(Observation(series=Series("", (f"table_{number}",)), values={"x": number}) for number in range(1000))
    text = render(report(result("job", Outcome(summary="fine", observations=many))), {}, Templates())
    assert re.search(r"^\d+ performance values are left out$", text, re.MULTILINE)
