"""Recorded history judged again: the same thresholds give what really was, others what would have been."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random

import pytest

from runner.api import Change, Series, State
from runner.app.replay import Replayed, Trial, WrongThresholdError, replay
from runner.errors import UsageError
from tests.app.homes import HOUR, MINUTE, SLOT
from tests.app.recorded import Recording, Seen
from tests.store.make import make_report

CHECK = """
check: used
schedule: every 5min
key: [name]
columns: {used: count, size: bytes, seen: timestamp, age: interval}
sql: select 'a' as name, 1 as used, 1 as size
warning: used > 50
critical: used > 90
"""
NOW = SLOT + 48 * HOUR


def again(recording: Recording, *, warning: str = "", critical: str = "", since: float = 30 * 86400) -> Replayed:
    loaded = recording.home.load()
    (found,) = replay(loaded, "used", Trial(warning=warning, critical=critical), since=since, target="main", now=NOW)
    return found


def rows(**used: int) -> Seen:
    return [{"name": name, "used": value, "size": value * 1024, "age": value * 60} for name, value in used.items()]


def series_of(recording: Recording, *values: int | None) -> None:
    """One run every hour with the row `a`, or without any."""
    for number, value in enumerate(values):
        recording.see(SLOT + number * HOUR, [] if value is None else rows(a=value))


def episodes(found: Replayed) -> list[tuple[str, str, int, float, bool]]:
    """Key, state, hour of the start, hours, over; of the thresholds tried, else the job's own."""
    tally = found.tried or found.own
    assert tally is not None
    return [
        (str(item.series), item.state.value, int((item.start - SLOT) / HOUR), item.seconds / 3600, item.over)
        for item in tally.episodes
    ]


def test_consecutive_runs_are_one_episode_and_a_run_without_rows_ends_it(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, CHECK)
    series_of(recording, 10, 60, 70, 10, 95, None, 60)
    found = again(recording)
    assert episodes(found) == [
        ("a", "warning", 1, 2, True),
        ("a", "critical", 4, 1, True),
        ("a", "warning", 6, 0, False),
    ]
    assert found.own is not None
    assert [item.worst for item in found.own.episodes][:2] == ["used (70) > 50", "used (95) > 90"]
    assert found.own.states == {State.OK: 3, State.WARNING: 3, State.CRITICAL: 1}
    assert (found.runs, found.tried, found.notes) == (7, None, ())


def test_other_thresholds_are_compared_with_the_jobs_own(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, CHECK)
    series_of(recording, 10, 60, 10, 30, 10, 30)
    found = again(recording, warning="used > 20")
    assert found.own is not None
    assert found.tried is not None
    assert (len(found.own.episodes), len(found.tried.episodes)) == (1, 3)
    assert (found.tried.warning, found.tried.critical) == (("used > 20",), ("used > 90",))


@pytest.mark.parametrize(
    ("trial", "worst"),
    [
        ({"warning": "size > 60kB"}, "size (70.0 kB) > 60 kB"),
        ({"critical": "used < 20"}, "used (10) < 20"),
        ({"warning": "age > 1h"}, "age (1 h 10 min) > 1 h"),
        ({"warning": "name = 'a' and used > 60"}, "name ('a') = 'a' and used (70) > 60"),
        ({"warning": "sum(used) > 60"}, "sum(used) (70) > 60"),
        ({"warning": "delta(used) > 5"}, "delta(used) (50) > 5"),
        ({"warning": "used > at(used, 1h) + 5"}, "used (70) > at(used, 1h) (60) + 5"),
        ({"warning": "max_over(used, 5h) > 60"}, "max_over(used, 5h) (70) > 60"),
    ],
)  # fmt: skip
def test_every_recorded_column_can_be_tried_in_its_unit(tmp_path: Path, trial: dict[str, str], worst: str) -> None:
    recording = Recording.make(tmp_path, CHECK)
    series_of(recording, 20, 10, 60, 70, 20)
    found = again(recording, **trial)
    assert found.tried is not None
    assert worst in [item.worst for item in found.tried.episodes]


@pytest.mark.parametrize(
    "keys",
    [
        "",
        "for: 2 runs\n",
        "for: 90min\n",
        "clear: used < 30\n",
        "on_gone: critical\n",
        "computed: {double: used * 2}\nremind_every: 3h\n",
    ],
)
def test_the_jobs_own_thresholds_give_what_really_was(tmp_path: Path, keys: str) -> None:
    check = CHECK if "computed" not in keys else CHECK.replace("used > 50", "double > 100")
    recording = Recording.make(tmp_path, check + keys)
    random = Random(keys)
    for number in range(40):
        at = SLOT + number * HOUR
        if random.random() < 0.1:
            recording.blind(at)
        else:
            names = [name for name in "abc" if random.random() < 0.8]
            recording.see(at, rows(**{name: random.randrange(100) for name in names}))
    found = again(recording)
    with recording.home.store() as store:
        changes = Counter(item.change for item in store.transitions("used", limit=1000) if not _of_the_job(item.series))
        recorded = Counter(run.state for run in store.runs("used", limit=1000))
        problems = {problem.series for problem in store.problems() if not _of_the_job(problem.series)}
    assert found.own is not None
    assert {change: number for change, number in found.own.changes.items() if number} == dict(changes)
    assert found.blind + sum(found.own.states.values()) == found.runs == 40
    assert found.own.states[State.CRITICAL] == recorded[State.CRITICAL]
    assert found.own.states.get(State.WARNING, 0) == recorded[State.WARNING]
    assert {item.series for item in found.own.episodes if not item.over} == problems


def _of_the_job(series: Series) -> bool:
    """What was said about the job as a whole: it could not look."""
    return series == Series()


def test_a_run_that_could_not_look_neither_ends_nor_begins_anything(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, CHECK)
    recording.see(SLOT, rows(a=60))
    recording.blind(SLOT + HOUR)
    recording.see(SLOT + 2 * HOUR, rows(a=60))
    found = again(recording)
    assert episodes(found) == [("a", "warning", 0, 2, False)]
    assert (found.runs, found.blind) == (3, 1)


def test_a_database_that_was_not_looked_at_keeps_its_problems(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, f"{CHECK}for_each: database\n")
    recording.see(SLOT, rows(a=60), database="one")
    recording.see(SLOT + HOUR, rows(a=10), database="two", blind={"one": "refused"})
    recording.see(SLOT + 2 * HOUR, rows(a=10), database="one")
    assert episodes(again(recording)) == [("one/a", "warning", 0, 2, True)]


def test_a_job_that_does_not_apply_any_more_ends_its_problems(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, CHECK)
    recording.see(SLOT, rows(a=60))
    recording.skip(SLOT + HOUR)
    found = again(recording)
    assert episodes(found) == [("a", "warning", 0, 1, True)]
    assert found.blind == 0


def test_reports_and_reminders_are_counted(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, f"{CHECK}remind_every: 3h\n")
    series_of(recording, 60, 60, 60, 60, 60, 60, 60, 95, 10)
    found = again(recording)
    assert found.own is not None
    assert found.own.changes == {Change.OPENED: 1, Change.WORSENED: 1, Change.RECOVERED: 1}
    assert (found.own.reports, found.own.reminders) == (3, 2)


def test_since_limits_what_is_judged_but_not_what_it_looks_back_at(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, CHECK)
    recording.see(NOW - 10 * HOUR, rows(a=1))
    recording.see(NOW - HOUR, rows(a=40))
    found = again(recording, warning="delta(used) > 30", since=2 * 3600)
    assert found.runs == 1
    assert found.tried is not None
    assert [item.worst for item in found.tried.episodes] == ["delta(used) (39) > 30"]


def test_history_further_back_than_rows_are_kept_is_said_to_be_gone(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, CHECK, "retention: {samples: 2d, hourly: 2d, daily: 2d}\n")
    recording.see(SLOT, rows(a=60))
    found = again(recording)
    assert found.notes == ("rows are kept for 2 d, so it looks back no further",)


@pytest.mark.parametrize(
    ("text", "code", "start", "end", "message"),
    [
        ("used >", "expression-syntax", 6, 7, ""),
        ("usde > 5", "expression-column", 1, 5, "`usde` was never recorded for used on main"),
        ("5 < previous.usde", "expression-column", 5, 18, "`usde` was never recorded for used on main"),
        ("age > 10GB", "expression-unit", 1, 11, ""),
        ("used", "expression-type", 1, 5, "a condition is wanted here, and this is a value"),
        ("used > params.limit", "expression-param", 8, 20, "there is no parameter `limit`"),
    ],
)
def test_a_wrong_threshold_points_at_its_characters(
    tmp_path: Path, text: str, code: str, start: int, end: int, message: str
) -> None:
    recording = Recording.make(tmp_path, CHECK)
    recording.see(SLOT, rows(a=60))
    with pytest.raises(WrongThresholdError) as raised:
        again(recording, critical=text)
    (diagnostic,) = raised.value.diagnostics
    assert (diagnostic.code, diagnostic.span.file) == (code, "--critical")
    assert (diagnostic.span.column, diagnostic.span.end_column) == (start, end)
    assert message in diagnostic.message
    assert raised.value.sources == {"--critical": text}


def test_the_columns_that_are_recorded_are_named(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, CHECK)
    recording.see(SLOT, rows(a=60))
    with pytest.raises(WrongThresholdError) as raised:
        again(recording, warning="temperature > 5")
    assert "recorded are `age`, `size` and `used`" in raised.value.diagnostics[0].hint
    assert "what `columns:` declares is kept from the next run on" in raised.value.diagnostics[0].hint


def test_a_column_that_is_new_leaves_the_runs_before_out(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, CHECK)
    recording.see(SLOT, [{"name": "a", "used": 60}])
    recording.see(SLOT + HOUR, rows(a=60))
    found = again(recording, warning="size > 1kB")
    assert found.notes == ("`size` is recorded since 2026-03-04 04:00; the runs before are left out",)
    assert found.runs == 1


def test_the_jobs_own_thresholds_that_were_edited_since_are_not_guessed_at(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, CHECK)
    recording.see(SLOT, rows(a=60))
    recording.home.write("group.yaml", CHECK.replace("used > 50", "heat > 50").replace("1 as size", "1 as heat"))
    found = again(recording, warning="used > 50")
    assert found.own is None
    assert found.tried is not None
    assert found.notes == (
        "the job's own thresholds name `heat`, which was never recorded; recorded are `age`, `size` and `used`",
    )


def test_nothing_recorded_is_nothing_to_judge(tmp_path: Path) -> None:
    found = again(Recording.make(tmp_path, CHECK), warning="used > 5")
    assert (found.runs, found.first, found.notes) == (0, None, ())


def test_only_checks_can_be_replayed(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, CHECK)
    recording.home.write("vacuum.yaml", "maintenance: vacuum\nschedule: daily\nsteps:\n  - vacuum: {tables: all}\n")
    with pytest.raises(UsageError, match="is a maintenance; replay judges the history of checks"):
        replay(recording.home.load(), "vacuum", Trial(), since=60, target="", now=NOW)


def test_a_month_of_minutes_is_judged_in_the_order_of_its_runs(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, CHECK)
    times = count()
    for value in (60, 10) * 30:
        recording.see(_minute(next(times)), rows(a=value))
    found = again(recording, warning="used > 5")
    assert found.own is not None
    assert found.tried is not None
    assert (len(found.own.episodes), len(found.tried.episodes)) == (30, 1)


def _minute(number: int) -> datetime:
    return SLOT + timedelta(minutes=number) + 0 * MINUTE


def merge_hours(recording: Recording, at: datetime) -> None:
    """As the ticks do with what is older than a day."""
    with recording.home.store() as store:
        store.record([], report=make_report("told", store.unreported()), deliveries=[], now=at)
        kept = {"keep_samples": 86400.0, "keep_runs": 1e8, "keep_hourly": 1e8, "keep_daily": 1e8}
        assert store.prune(at, **kept) is not None


def test_merged_hours_are_looked_back_at_and_never_judged(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, CHECK)
    for number in range(6 * 48):
        recording.see(SLOT + number * 10 * MINUTE, rows(a=95 if number == 7 else 10))
    before = again(recording, warning="max_over(used, 30d) > 90 or used > 50")
    merge_hours(recording, NOW)
    found = again(recording, warning="max_over(used, 30d) > 90 or used > 50")
    assert (before.runs, before.merged, found.runs, found.merged) == (288, 0, 144, 24)
    assert found.first == SLOT + 24 * HOUR
    assert found.own is not None
    assert found.own.episodes == (), "the hour with the 95 is no run"
    assert [(start, state) for _, state, start, *_ in episodes(found)] == [(24, "warning")]
    (note,) = found.notes
    assert note.startswith("24 hours or days before 2026-03-05 03:00 are kept as lowest, highest, mean and last value")
    assert note.endswith("functions look back at them, they are not judged")


def test_a_history_that_is_all_merged_says_so(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, CHECK)
    for number in range(12):
        recording.see(SLOT + number * 10 * MINUTE, rows(a=60))
    recording.see(NOW + HOUR, rows(a=1))
    merge_hours(recording, NOW + HOUR)
    found = again(recording)
    assert (found.runs, found.merged, found.first) == (0, 2, None)


def test_a_check_that_runs_once_an_hour_is_replayed_as_before(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, CHECK)
    series_of(recording, 10, 60, 70, 10, 95, None, 60)
    recording.see(NOW, rows(a=1))
    before = again(recording)
    merge_hours(recording, NOW)
    assert again(recording) == before
