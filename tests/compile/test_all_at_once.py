"""Every mistake of a job is told in one go, and none of them twice in other words."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from runner.app.loading import load


def codes(folder: Path, text: str) -> list[tuple[str, int]]:
    (folder / "checks.d").mkdir()
    (folder / "checks.d" / "job.yaml").write_text(dedent(text))
    home = load(str(folder), environ={}).home
    assert home.jobs == ()
    assert "job" in home.broken
    return [(item.code, item.span.line) for item in home.diagnostics]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            """\
            check: job
            sql: select 1 as used
            mesage: x
            warning: used > 5Gb
            schedule: dayly
            targets: [mian]
            """,
            [("unknown-key", 3), ("expression-unit", 4), ("bad-schedule", 5), ("unknown-target", 6)],
        ),
        (
            """\
            check: job
            timezone: Europe/Berln
            schedule: dayly at 1:30
            sql: select 1 as used
            warning: used > 5 mins
            """,
            [("bad-schedule", 2), ("bad-schedule", 3), ("expression-unit", 5)],
        ),
        # What the thresholds speak of is wrong itself: they are not blamed.
        (
            """\
            check: job
            sql: select lag_ms from t
            columns: {lag_ms: mss}
            warning: lag_ms > 5min
            """,
            [("bad-value", 3)],
        ),
        (
            """\
            check: job
            sql: select :limit as used
            parms: {limit: 3}
            warning: used > params.limit
            """,
            [("unknown-key", 3)],
        ),
        (
            """\
            schedule: hourly
            jobs:
              - check: job
                sqll: select 1 as used
                warning: used > 1
              - check: other
                sql: select 1 as used
                warning: usd > 1
            """,
            [("unknown-key", 4), ("expression-column", 8)],
        ),
    ],
)
def test_all_mistakes_are_told_and_no_cascade(tmp_path: Path, text: str, found: list[tuple[str, int]]) -> None:
    assert codes(tmp_path, text) == found
