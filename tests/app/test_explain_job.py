"""What `runner explain JOB` says: words and values from the home and the store alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.app.explain_job import explain_job
from runner.clock import ShiftedClock
from runner.errors import UsageError
from tests.app.homes import HOUR, SLOT, TempHome
from tests.app.recorded import Recording, Seen

CHECK = """
check: used
title: Space is running out
description: What to look at first.
schedule: every 5min
key: [name]
columns: {used: count, limit: count}
sql: select 'a' as name, 1 as used, 1 as limit
params: {most: 50}
warning: used > params.most
critical: used > 90% of limit
"""


def explained(recording: Recording, hours: float = 0.0) -> list[str]:
    text = explain_job(recording.home.load(), "used", ShiftedClock(SLOT + hours * HOUR))
    return [line.strip() for line in text.splitlines()]


def section(lines: list[str], heading: str) -> list[str]:
    begin = lines.index(heading) + 1
    end = lines.index("", begin) if "" in lines[begin:] else len(lines)
    return lines[begin:end]


def rows(**used: float) -> Seen:
    return [{"name": name, "used": value, "limit": 100} for name, value in used.items()]


def test_a_job_that_never_ran_is_told_without_values(tmp_path: Path) -> None:
    lines = explained(Recording.make(tmp_path, CHECK))
    assert lines[:4] == ["used: Space is running out", "check in the group group, checks.d/group.yaml:2:1", "",
                         "What to look at first."]  # fmt: skip
    assert section(lines, "What it does") == [
        "runs a query, read-only",
        "one row is one name",
        "is critical when used > 90% of limit",
        "is warning when used > params.most",
    ]
    assert section(lines, "How it is now") == ["main: has not run yet"]
    assert section(lines, "Where")[0].startswith("main, /nowhere/")


def test_every_threshold_has_the_last_values_in_it(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, CHECK)
    recording.see(SLOT, rows(a=60, b=10, c=95, d=70))
    assert section(explained(recording, 2), "How it is now") == [
        "main: critical, Wednesday 4 Mar 03:00 UTC (2 h ago)",
        "3 of 4 rows",
        "critical when used > 90 % of limit",
        "yes: c: used (95) > 90 % of limit (100)",
        "warning when used > params.most",
        "yes: c: used (95) > params.most (50)",
        "yes: d: used (70) > params.most (50)",
        "yes: a: used (60) > params.most (50)",
        "open since Wednesday 4 Mar 03:00 UTC (2 h ago): c is critical, c: used 95, limit 100",
        "open since Wednesday 4 Mar 03:00 UTC (2 h ago): a is warning, a: used 60, limit 100",
        "open since Wednesday 4 Mar 03:00 UTC (2 h ago): d is warning, d: used 70, limit 100",
    ]


def test_what_is_ok_is_told_by_the_row_that_comes_nearest(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, CHECK)
    recording.see(SLOT, rows(a=10, b=49, c=3))
    lines = section(explained(recording), "How it is now")
    assert "no: b: used (49) > params.most (50) (the nearest of 3)" in lines


@pytest.mark.parametrize(
    ("threshold", "told"),
    [
        ("used > previous.used + 10", "yes: a: used (40) > previous.used (20) + 10"),
        ("delta(used) > 10", "yes: a: delta(used) (20) > 10"),
        ("avg_over(used, 1d) > 10", "yes: a: avg_over(used, 1d) (20) > 10"),
        ("used > at(used, 1d)", "learning: a: no history yet"),
        ("sum(used) > 100", "no: sum(used) (40) > 100"),
    ],
)
def test_history_is_what_was_known_when_it_ran(tmp_path: Path, threshold: str, told: str) -> None:
    recording = Recording.make(tmp_path, CHECK.replace("used > params.most", threshold))
    recording.see(SLOT, rows(a=20))
    recording.see(SLOT + HOUR, rows(a=40))
    assert told in section(explained(recording, 1), "How it is now")


def test_for_and_clear_are_told_with_what_waits(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, f"{CHECK}for: 3 runs\nclear: used < 30\n")
    for hour in range(3):
        recording.see(SLOT + hour * HOUR, rows(a=60))
    recording.see(SLOT + 3 * HOUR, rows(a=40, b=60))
    lines = explained(recording, 3)
    assert "a problem counts when it was seen in 3 runs in a row" in section(lines, "What it does")
    state = section(lines, "How it is now")
    assert "a problem ends when used < 30" in state
    assert "no: a: used (40) < 30" in state
    assert "open since Wednesday 4 Mar 03:00 UTC (3 h ago): a is warning, a: used 40, limit 100" in state
    assert "pending since Wednesday 4 Mar 06:00 UTC (now): b is warning, seen in 1 of 3 runs" in state


def test_null_says_why_it_is_unknown(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, CHECK)
    recording.see(SLOT, [{"name": "a", "used": None, "limit": 100}])
    assert "unknown: a: used is null" in section(explained(recording), "How it is now")


def test_no_rows_and_no_look_are_told_apart(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, CHECK)
    recording.see(SLOT, [])
    assert "no: the last run returned no rows" in section(explained(recording), "How it is now")
    recording.blind(SLOT + HOUR)
    assert section(explained(recording, 1), "How it is now")[:2] == [
        "main: unknown, Wednesday 4 Mar 04:00 UTC (now)",
        "no connection",
    ]


ROUTES = """
sinks:
  all: {type: stdout}
  pager: {type: stdout, send: [critical]}
  other: {type: stdout}
routes:
  - {groups: [group], sinks: [all, pager]}
  - {groups: [elsewhere*], sinks: [other]}
silences:
  - {jobs: [used], until: 2027-01-31, reason: bulk load}
"""


def test_each_sink_has_its_reason(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, CHECK, ROUTES.partition("silences:")[0])
    recording.see(SLOT, rows(a=10))
    assert section(explained(recording), "Where its reports go") == [
        "all (stdout, sends all)",
        "a result like the last one is sent: it gets every report",
        "a new critical problem is sent: it gets every report",
        "pager (stdout, sends critical)",
        "a result like the last one is not sent: no result has one of its states",
        "a new critical problem is sent: something changed",
        "not to other: no route leads to it",
    ]


def test_a_silence_is_a_reason(tmp_path: Path) -> None:
    lines = section(explained(Recording.make(tmp_path, CHECK, ROUTES)), "Where its reports go")
    assert "a new critical problem is not sent: what it would get is silenced" in lines


def test_every_value_has_its_origin(tmp_path: Path) -> None:
    extra = "defaults: {statement_timeout: 7s}\n"
    lines = section(explained(Recording.make(tmp_path, CHECK, extra)), "Where each value comes from")
    found = {line.split(":")[0]: line.split("  ")[-1].strip() for line in lines}
    assert found["warning"] == "checks.d/group.yaml:10:10"
    assert found["statement_timeout"].startswith("runner.yaml:")
    assert found["catch_up"] == "built in"


def test_other_kinds_are_told_in_words(tmp_path: Path) -> None:
    files = {
        "vacuum.yaml": "maintenance: vacuum\nschedule: daily\nsteps:\n  - vacuum: {tables: all, analyze: true}\n",
        "restart.yaml": "command: restart\nschedule: daily\nrun: [pm2, restart, all]\n",
    }
    loaded = TempHome.make(tmp_path / "home", {"host": "/nowhere"}, files).load()
    vacuum = explain_job(loaded, "vacuum", ShiftedClock(SLOT))
    assert "vacuum (analyze) for every table that is not the system's" in vacuum
    restart = explain_job(loaded, "restart", ShiftedClock(SLOT))
    assert "Starts pm2 restart all, without a shell." in restart
    assert "is refused: commands are not allowed: add `allow: [command]` to runner.yaml" in restart


def test_a_group_is_all_its_jobs_and_an_unknown_name_has_a_suggestion(tmp_path: Path) -> None:
    two = "schedule: hourly\njobs:\n" + "".join(
        f"  - {{check: {name}, sql: select 1 as n, warning: n > 5}}\n" for name in ("one", "two")
    )
    loaded = TempHome.make(tmp_path / "home", {"host": "/nowhere"}, {"both.yaml": two}).load()
    text = explain_job(loaded, "both", ShiftedClock(SLOT))
    assert text.index("one\n") < text.index("two\n")
    with pytest.raises(UsageError) as raised:
        explain_job(loaded, "onee", ShiftedClock(SLOT))
    assert raised.value.hint == "did you mean `one`?"


def test_a_store_that_cannot_be_read_costs_only_what_it_knows(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, CHECK)
    state = recording.home.path / ".runner" / "state.db"
    state.parent.mkdir(exist_ok=True)
    state.write_text("this is no database, and long enough to be read as one" * 5)
    lines = explained(recording)
    assert section(lines, "How it is now")[0].startswith("is not known: ")
    assert "is warning when used > params.most" in lines
