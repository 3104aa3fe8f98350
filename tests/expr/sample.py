"""One row with a past: what docs/thresholds.md shows its examples on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from runner.expr import Environment, parse, quantity, value
from runner.expr.facts import facts
from runner.model.history import HistoryNeed, Past, Sample, Series

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KINDS: dict[str, str | None] = {
    "table": "text",
    "dead_rows": "count",
    "live_rows": "count",
    "size": "bytes",
    "lag": "interval",
    "last_vacuum": "timestamp",
    "has_pk": "bool",
    "missing": None,
}
GIB = 1024**3
ROWS: list[dict[str, object]] = [
    {
        "table": "orders", "dead_rows": 150_000, "live_rows": 900_000, "size": 10 * GIB, "lag": timedelta(minutes=2),
        "last_vacuum": NOW - timedelta(days=3), "has_pk": True, "missing": None,
    },
    {
        "table": "events", "dead_rows": 50_000, "live_rows": 100_000, "size": 2 * GIB, "lag": timedelta(seconds=4),
        "last_vacuum": NOW - timedelta(hours=1), "has_pk": False, "missing": None,
    },
]  # fmt: skip
PARAMS: dict[str, object] = {"limit": "5GB", "share": "20%", "count": 3}
SERIES = Series("", ("orders",))


def samples(column: str) -> tuple[Sample, ...]:
    """Eight days, one sample a day, oldest first; sizes grow by 1 GiB a day up to 9 GiB yesterday."""
    per_day = {
        "size": lambda ago: (10 - ago) * GIB,
        "dead_rows": lambda ago: 150_000 - 3_600 * ago,
        "table": lambda ago: "orders",
    }[column]
    return tuple(Sample(NOW - timedelta(days=ago), per_day(ago)) for ago in range(8, 0, -1))


def past(needs: frozenset[HistoryNeed]) -> Past:
    """What a store would answer."""
    found = {}
    for need in needs:
        every = samples(need.column)
        oldest = NOW - timedelta(seconds=need.span)
        found[need] = {
            "previous": every[-1:],
            "nearest": (min(every, key=lambda sample: abs(sample.at - oldest)),),
            "window": tuple(sample for sample in every if sample.at >= oldest),
        }[need.form.value]
    return Past({SERIES: found})


def environment(text: str) -> Environment:
    rows = [{name: quantity(cell, KINDS[name], name) for name, cell in row.items()} for row in ROWS]
    return Environment(
        row=rows[0], rows=rows, past=past(facts(parse(text)).needs), series=SERIES, params=PARAMS, now=NOW
    )


def evaluated(text: str) -> str:
    """The value of an expression as the documentation shows it."""
    found = value(parse(text), environment(text))
    return "null" if found is None else str(found)
