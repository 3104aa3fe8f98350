"""What `python -m fuzz.run` has found, so that it stays mended."""

from __future__ import annotations

import pytest

from fuzz.subjects import SUBJECTS
from runner.errors import ExpressionError, ScheduleError
from runner.expr import Scope, analyse, parse
from runner.model.quantity import parse_duration
from runner.schedule import parse as parse_schedule


@pytest.mark.parametrize(("name", "data"), [
    ("expression", b"zscore(size, 301e400d) > 4 and delta(size) > 500MB"),
    ("schedule", b"every 1000000000000000000000000000000000000000000000000005min"),
    ("schedule", b"daily at ,"),
    ("schedule", b"weekly on ,"),
    ("document", b"a: \xed\xac\x81\n"),
    ("template", b"{{ " + b"[" * 80 + b" }}"),
    ("template", b"{{ ().__class__application }}"),
])  # fmt: skip
def test_nothing_escapes_any_more(name: str, data: bytes) -> None:
    SUBJECTS[name].run(data)


@pytest.mark.parametrize(("text", "message"), [
    ("every 99999999 days", "longer than a hundred years"), ("daily at ,", "`,` names nothing"), ("weekly on ,", "`,` names nothing"),
])  # fmt: skip
def test_a_schedule_that_cannot_be_is_told(text: str, message: str) -> None:
    with pytest.raises(ScheduleError, match=message):
        parse_schedule(text, "UTC")


def test_a_hundred_years_are_enough() -> None:
    assert parse_duration("36500d") == 100 * 365 * 86400
    with pytest.raises(ScheduleError, match="longer than a hundred years"):
        parse_duration("36501d")


def test_a_span_of_more_than_a_hundred_years_is_told() -> None:
    (problem,) = analyse(parse("avg_over(size, 1e400d) > 1"), Scope(known=False)).problems
    assert isinstance(problem, ExpressionError)
    assert problem.message == "`avg_over` wants a written duration of at most a hundred years here"
