"""Every spelling of a threshold that check_postgres and check_pgactivity know."""

from __future__ import annotations

import pytest

from runner.app.imports.filters import filtered
from runner.app.imports.mapping import Form
from runner.app.imports.thresholds import condition
from runner.errors import RunnerError
from runner.expr import parse

FORMS = {
    "bloat": {Form.SIZE: "waste >= {}", Form.PERCENT: "share >= {}"},
    "slots": {Form.NUMBER: "used >= {}", Form.PERCENT: "used >= {} of usable", Form.LEFT: "usable - used <= {}"},
    "idle": {Form.COUNT: "rows >= {}", Form.TIME: "idle >= {}"},
    "delay": {Form.BYTES: "behind >= {}", Form.TIME: "lag >= {}"},
    "ratio": {Form.REST: "share > {}"},
    "word": {Form.WORD: "version != '{}'"},
}


@pytest.mark.parametrize(
    ("forms", "text", "wanted"),
    [
        ("slots", "120", "used >= 120"),
        ("slots", "75%", "used >= 75% of usable"),
        ("slots", "75 %", "used >= 75% of usable"),
        ("slots", "-10", "usable - used <= 10"),
        ("slots", "1_300_000", "used >= 1_300_000"),
        ("bloat", "100 M", "waste >= 100MB"),
        ("bloat", "10 megabytes", "waste >= 10MB"),
        ("bloat", "5GB", "waste >= 5GB"),
        ("bloat", "1.5 t", "waste >= 1.5TB"),
        ("bloat", "2 kilobytes", "waste >= 2kB"),
        ("bloat", "2E", "waste >= 2048PB"),
        ("bloat", "1048576", "waste >= 1048576B"),
        ("bloat", "20% and 150 M", "share >= 20% and waste >= 150MB"),
        ("bloat", "500 M or 40%", "waste >= 500MB or share >= 40%"),
        ("bloat", "500 M || 40%", "waste >= 500MB or share >= 40%"),
        ("bloat", "10% && 5 GB", "share >= 10% and waste >= 5GB"),
        ("idle", "15", "idle >= 15s"),
        ("idle", "2 minutes", "idle >= 2min"),
        ("idle", "3h", "idle >= 3h"),
        ("idle", "1h 55m 6", "idle >= (1h + 55min + 6s)"),
        ("idle", "1h55m6s", "idle >= (1h + 55min + 6s)"),
        ("idle", "7 d", "idle >= 7d"),
        ("idle", "+50", "rows >= 50"),
        ("idle", "5 for 10 seconds", "count(idle >= 10s) >= 5"),
        ("delay", "16777216 and 10 min", "behind >= 16777216B and lag >= 10min"),
        ("delay", "10 m", "lag >= 10min"),
        ("ratio", "90%", "share > 10%"),
        ("word", "17.2", "version != '17.2'"),
    ],
)
def test_a_threshold_as_a_condition(forms: str, text: str, wanted: str) -> None:
    found = condition(text, FORMS[forms])
    assert found == wanted
    parse(found)


@pytest.mark.parametrize(
    ("forms", "text", "message"),
    [
        ("slots", "lots", "a number or a percentage or a negative number"),
        ("slots", "5GB", "`5GB` is not understood"),
        ("bloat", "10% and many", "`many` is not understood"),
        ("idle", "5 parsecs", "`5 parsecs` is not understood"),
        ("idle", "5 for ever", "`ever` is not understood"),
        ("word", "x'; drop", "a word is expected"),
    ],
)
def test_what_is_not_understood(forms: str, text: str, message: str) -> None:
    with pytest.raises(RunnerError, match=message):
        condition(text, FORMS[forms])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a > 1", "a > 1 and f = 'x'"),
        ("a > 1 or b > 2", "(a > 1 or b > 2) and f = 'x'"),
        ("rows >= 5", "count(f = 'x') >= 5"),
        ("count(a > 1) >= 5", "count(a > 1 and f = 'x') >= 5"),
    ],
)
def test_a_condition_for_some_rows(text: str, wanted: str) -> None:
    assert filtered(text, "f = 'x'") == wanted
    assert filtered(text, "") == text
