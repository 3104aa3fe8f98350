from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st

from runner.model.codec import clean, decode, encode, instant, moment
from runner.model.history import Form, HistoryNeed, Past, Sample, Series, Summary
from runner.model.problem import Acknowledgement, Change, Memory, Problem, Transition
from runner.model.quantity import Dimension
from runner.model.query import QueryError, Rows
from runner.model.report import Delivery, DeliveryState, Fault, Report, TargetInfo
from runner.model.result import Column, Finding, Observation, Outcome, Result, Table, Trend
from runner.model.secret import Secret
from runner.model.state import State

AT = datetime(2027, 3, 28, 1, 30, 0, 123456, tzinfo=UTC)
SERIES = Series("größe", ("public", 'or"ders\\', "", "😀", "\x00\n"))
ACK = Acknowledgement(
    job="j", target="t", series=SERIES, state=State.CRITICAL, author="größe", at=AT, reason="r", until=AT
)
OUTCOME = Outcome(
    summary="3 tables — größer",
    findings=(
        Finding(
            state=State.CRITICAL,
            message="m",
            series=SERIES,
            reason="r",
            hint="h",
            pending=True,
            since=AT,
            acknowledged=ACK,
        ),
        Finding(state=State.UNKNOWN, message=""),
    ),
    observations=(Observation(series=SERIES, values={"a": 1, "b": 2.5, "c": None, "d": True, "e": 10**60, "f": "é"}),),
    columns=(Column(name="a", dimension=Dimension.BYTES, warning="a > 1", critical="a > 2"),),
    tables=(Table(title="t", columns=("a", "b"), rows=(("1", "2"), ("3", "4")), numeric=frozenset({"a"}), more=3),),
    trends=(
        Trend(
            column="a",
            series=SERIES,
            samples=(Sample(AT, 1, Summary(3, -1, 4, 0.5)), Sample(AT, None), Sample(AT, "x")),
        ),
    ),
    looked=frozenset({"", "db", "größe"}),
    skipped="not here",
    held=True,
    key=("schema", "table"),
    notes=("one", "two"),
)
TRANSITION = Transition(
    job="j", target="t", series=SERIES, before=State.OK, after=State.CRITICAL, change=Change.OPENED, at=AT, since=AT,
    message="m",
)  # fmt: skip
RESULT = Result(
    run="r", job="j", kind="check", group="g", title="T", target="t", slot=AT, started=AT, finished=AT,
    outcome=OUTCOME, transitions=(TRANSITION,), hint="h", runbook="https://x", tags=("a", "b"), order=7,
)  # fmt: skip
REPORT = Report(
    id="g@1", group="g", title="T", slot=AT, created=AT, results=(RESULT, RESULT),
    targets=(TargetInfo(name="t", address="h:1/d", version="15.8", role="primary", labels={"env": "prod"}),),
    faults=(Fault(where="w", message="m", hint="h"),), next_slot=AT + timedelta(days=1),
)  # fmt: skip


def through_json(kind: Any, value: object) -> Any:
    return decode(kind, json.loads(json.dumps(encode(value), allow_nan=False)))


def unfilled(value: object) -> list[str]:
    """Names of fields that stand at an empty default, anywhere inside."""
    if isinstance(value, tuple):
        return unfilled(value[0]) if value else []
    if not is_dataclass(value):
        return []
    names = [item.name for item in fields(value) if getattr(value, item.name) in (None, "", (), {}, frozenset())]
    return names + [name for item in fields(value) for name in unfilled(getattr(value, item.name))]


def test_a_report_with_every_field_filled_comes_back_equal() -> None:
    assert unfilled(REPORT) == []
    assert through_json(Report, REPORT) == REPORT


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Problem, Problem(job="j", target="", series=SERIES, state=State.WARNING, since=AT, seen=AT, opened=None)),
        (Memory, Memory(problems={SERIES: Problem(job="j", target="t", series=SERIES, state=State.OK, since=AT, seen=AT)})),
        (Memory, Memory()),
        (Past, Past({SERIES: {HistoryNeed(Form.WINDOW, "a", 60.0): (Sample(AT, 1),)}})),
        (Delivery, Delivery(id="d", report=REPORT, sink="s", state=DeliveryState.FAILED, attempts=3, next_try=AT, expires=AT)),
        (Rows | QueryError, QueryError(message="no", sqlstate="42501")),
        (Rows | QueryError, Rows(columns=("a",), rows=((1,),), seconds=0.5)),
        (tuple[int, str], (1, "a")),
        (list[State], [State.OK]),
        (date, date(2027, 1, 2)),
        (time, time(2, 5)),
        (timedelta, timedelta(seconds=90.5)),
        (bytes, b"\x00\xff"),
        (Decimal, Decimal("1.25")),
    ],
)  # fmt: skip
def test_other_shapes_come_back_equal(kind: Any, value: object) -> None:
    back = through_json(kind, value)
    if isinstance(value, Rows):
        back = Rows(columns=back.columns, rows=tuple(map(tuple, back.rows)), seconds=back.seconds)
    assert back == value


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, Decimal("NaN"), Decimal("1e5000")])
def test_numbers_that_json_cannot_hold_become_null(number: object) -> None:
    observation = Observation(values={"a": number})  # type: ignore[dict-item]
    assert through_json(Observation, observation).values == {"a": None}


def test_whole_numbers_of_thousands_of_digits_become_null() -> None:
    assert encode((10**4000, 10**5000, -(10**5000))) == [10**4000, None, None]


@pytest.mark.parametrize(
    ("value", "plain"),
    [(Decimal("12.50"), 12.5), (Decimal("1e20"), 10**20), (Secret("hunter2"), "***"), (object, "<class 'object'>")],
)
def test_what_is_not_json_becomes_plain(value: object, plain: object) -> None:
    assert encode({"x": value}) == {"x": plain}


def test_a_missing_float_is_not_a_number() -> None:
    assert math.isnan(through_json(Rows, Rows(seconds=math.nan)).seconds)


def test_times_are_kept_in_utc_and_sort_as_text() -> None:
    local = AT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert instant(local) == "2027-03-28T01:30:00.123456Z"
    assert moment(instant(local)) == AT
    assert instant(datetime(2027, 1, 1)) == "2027-01-01T00:00:00.000000Z"
    assert instant(AT.replace(microsecond=0)) < instant(AT)


@given(st.text(alphabet=st.characters(), max_size=20) | st.text(alphabet="a\ud800\udc00\udfff😀", max_size=8))
def test_any_text_can_be_written_as_utf8(text: str) -> None:
    finding = through_json(Finding, Finding(state=State.OK, message=text))
    finding.message.encode()
    assert finding.message == clean(text)
    assert text == clean(text) or any("\ud800" <= character <= "\udfff" for character in text)


VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
CLEAN = st.text(max_size=6)
OBSERVATIONS = st.builds(
    Observation,
    series=st.builds(Series, database=CLEAN, key=st.lists(CLEAN, max_size=3).map(tuple)),
    values=st.dictionaries(CLEAN, VALUES, max_size=4),
)


@given(st.lists(OBSERVATIONS, max_size=4))
def test_any_observations_come_back_equal(observations: list[Observation]) -> None:
    outcome = Outcome(summary="", observations=tuple(observations))
    back = through_json(Outcome, outcome)
    assert back == outcome
    assert [list(map(type, item.values.values())) for item in back.observations] == [
        list(map(type, item.values.values())) for item in outcome.observations
    ]


@dataclass(frozen=True)
class Newer:
    name: str
    added: tuple[int, ...] = field(default_factory=tuple)


def test_data_of_other_versions_can_be_read() -> None:
    assert decode(Newer, {"name": "a"}) == Newer("a")
    assert decode(Newer, {"name": "a", "of_the_future": 1}) == Newer("a")


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Report, {}),
        (Report, None),
        (Report, []),
        (State, "odd"),
        (datetime, "soon"),
        (datetime, 5),
        (Series, {"key": 1}),
    ],
)
def test_data_that_does_not_fit_is_a_value_error(kind: Any, data: object) -> None:
    with pytest.raises(ValueError):
        decode(kind, data)
