"""Thresholds that cannot do what they seem to, and those that must not be complained about."""

from __future__ import annotations

import pytest

from tests.compile.lint.conftest import Said

CHECK = """check: a
key: [name]
sql: select name, x, y, z, state, lag, size, flag from t
columns: {lag: interval, size: bytes, flag: bool}
"""
FLAGGED = "lag > 1s or size > 1GB or flag"


def codes(said: Said, thresholds: str) -> list[tuple[str, str]]:
    found = [line.split(" ", 2) for line in said(CHECK + thresholds)]
    return [(code, place.partition(":")[2]) for place, code, _ in found]


@pytest.mark.parametrize(
    ("condition", "place"),
    [
        ("x > 10 and x < 5", "5:10"),
        ("x > 10 and 5 > x", "5:10"),
        ("x >= 10 and x < 10", "5:10"),
        ("x = 1 and x = 2", "5:10"),
        ("x between 5 and 3", "5:10"),
        ("x between 1 and 3 and x > 3", "5:10"),
        ("x in (1, 2) and x > 2", "5:10"),
        ("x in (1, 2) and x not in (1, 2, 3)", "5:10"),
        ("state = 'active' and state = 'idle'", "5:10"),
        ("state in ('a', 'b') and state = 'c'", "5:10"),
        ("1 > 2", "5:10"),
        ("x > 120% of x", "5:10"),
        ("x > 100% of x", "5:10"),
        ("x > x and y > 1", None),
        ("size > 10GB and size < 1GB", "5:10"),
        ("size > 10GB and size < 1000", "5:10"),
        ("lag > 5min and lag < 30s", "5:10"),
        ("flag and not flag", "5:10"),
        ("not (x > 5 or x <= 5)", "5:10"),
        ("not (x > 5) and x > 6", "5:10"),
        ("y > 1 or (x > 10 and x < 5)", "5:20"),
        ("rows < 0", "5:10"),
        ("count(x > 1) < 0", "5:10"),
        ("delta(x) > 10 and delta(x) < 5", "5:10"),
        ("x + y > 10 and x  +  y < 5", "5:10"),
        ("y > 1 and (x > 10 or x > 20) and x < 10", "5:10"),
    ],
)
def test_never(said: Said, condition: str, place: str | None) -> None:
    assert codes(said, f"warning: {condition}\n") == ([("threshold-never", place)] if place else [])


@pytest.mark.parametrize(
    "condition",
    [
        "x > 10 or x < 20",
        "x >= 10 or x < 10",
        "x > 10 or x <= 10",
        "not (x > 10 and x < 5)",
        "state != 'a' or state != 'b'",
        "rows >= 0",
        "2 > 1",
        "flag or not flag",
        "x not between 5 and 3",
    ],
)
def test_always(said: Said, condition: str) -> None:
    assert codes(said, f"warning: {condition}\n") == [("threshold-always", "5:10")]


@pytest.mark.parametrize(
    "condition",
    [
        "true",
        "false",
        "x > 10",
        "x > 5 and x < 10",
        "x > 5 and y < 5",
        "x > 10 or x < 5",
        "x > 80% of y",
        "x < 80% of x",
        "x > 50% of y and x < 20% of y",
        "x > 5 and previous.x < 5",
        "x > 5 and delta(x) < 0",
        "x > params.a and x < params.b",
        "not flag",
        "x is null or x > 5",
        "x is not null and x > 5",
        "state matches '^a' and state matches 'b$'",
        "state > 'b' and state < 'a'",
        "avg(x) > 5 and x < 5",
        "max(x) > 5 and min(x) < 5",
        "size > 1GB and size < 10GB",
        "x in (1, 2) or x > 2",
        "rows > 0",
        "age(state) > 5min",
        "x / y > 0.1 and x / y < 20%",
        "x > 5 and (" + " or ".join(f"(x > {n} and y > {n})" for n in range(40)) + ")",
        " and ".join(f"(x > {n} or y > {n})" for n in range(12)),
    ],
)
def test_nothing_to_say(said: Said, condition: str) -> None:
    assert codes(said, f"params: {{a: 1, b: 2}}\nwarning: {condition}\n") == []


def test_one_alternative_of_a_list_that_is_never_true(said: Said) -> None:
    assert codes(said, "critical:\n  - x > 10\n  - x > 10 and x < 5\n") == [("threshold-never", "7:5")]


@pytest.mark.parametrize(
    ("warning", "critical", "flagged"),
    [
        ("x > 100", "x > 50", True),
        ("x > 100", "x > 100", True),
        ("x >= 100", "x > 100", False),
        ("x > 100", "x >= 100", True),
        ("x > 100", "x > 200", False),
        ("x > 100", "y > 50", False),
        ("x > 100 and y > 1", "x > 100", True),
        ("x > 100", "x > 100 or y > 1", True),
        ("x > 100", "x > 100 and y > 1", False),
        ("x < 10", "x < 20", True),
        ("x < 20", "x < 10", False),
        ("x = 5", "x in (5, 6)", True),
        ("x > params.a", "x > 5", False),
        ("true", "x > 5", False),
        ("x > 5", "true", False),
        ("x > 10", "[x > 50, x <= 50]", True),
        ("flag", "flag or x > 5", True),
    ],
)
def test_a_warning_that_is_always_critical(said: Said, warning: str, critical: str, flagged: bool) -> None:
    found = codes(said, f"params: {{a: 1}}\nwarning: {warning}\ncritical: {critical}\n")
    assert found == ([("warning-stricter", "6:10")] if flagged else [])


@pytest.mark.parametrize(
    ("thresholds", "clear", "code"),
    [
        ("warning: x > 100", "x < 50", None),
        ("warning: x > 100", "x > 200", "clear-never"),
        ("warning: x > 100", "x > 5 and x < 3", "clear-never"),
        ("warning: x > 100", "x < 150", "clear-useless"),
        ("warning: x > 100", "x <= 100", "clear-useless"),
        ("warning: x > 100", "x < 100", None),
        ("warning: x > 100", "x = 100", None),
        ("warning: x < 10", "x > 20", None),
        ("warning: x < 10", "x < 5", "clear-never"),
        ("critical: x > 200\nwarning: x > 100", "x < 150", "clear-useless"),
        ("critical: x > 200\nwarning: x > 100", "x < 50", None),
        ("warning: x > 100", "y < 50", None),
        ("warning: x > 100 and y > 5", "x < 50", None),
        ("warning: x > params.a", "x < 50% of params.a", None),
        ("warning: x > 100", "rows = 0", None),
        ("warning: flag", "not flag", "clear-useless"),
        ("warning: flag", "flag", "clear-never"),
    ],
)
def test_clear(said: Said, thresholds: str, clear: str, code: str | None) -> None:
    found = codes(said, f"params: {{a: 1}}\n{thresholds}\nclear: {clear}\n")
    assert [item[0] for item in found] == ([code] if code else [])


def test_words(said: Said) -> None:
    assert said(CHECK + "warning: x > 100\ncritical: x > 50\nclear: x > 200\n") == [
        (
            "a.yaml:5:10 warning-stricter whatever meets `x > 100` is critical as well, so it is never a warning"
            " | `critical:` is `x > 50`; a warning comes before it"
        ),
        (
            "a.yaml:7:8 clear-never `x > 200` is never true while no threshold is crossed, so a problem never ends"
            " | turn the comparison round, or lower its number; the thresholds are `x > 100`, `x > 50`"
        ),
    ]


def test_the_verify_of_a_maintenance_job(said: Said) -> None:
    job = """maintenance: a
timeout: 1h
measure: {key: [t], columns: {dead: count}, sql: select t from s limit 5}
steps: [{analyze: {}}]
verify:
  warning: after.dead > 10 and after.dead < 5
"""
    assert [line.split()[:2] for line in said(job)] == [["a.yaml:6:12", "threshold-never"]]
