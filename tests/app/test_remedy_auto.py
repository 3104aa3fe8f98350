"""`remedy_auto: in window`: the next window mends what the check found, and the check says what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from runner.crashpoints import VARIABLE
from tests.app.homes import HOUR, MINUTE, Make, TempHome, states
from tests.cli.support import process, runner
from tests.postgres import Database, eventually

CARE = """
jobs:
  - check: dead-rows
    schedule: hourly
    key: [schema, table]
    columns: {dead: count}
    sql: |
      select schemaname as schema, relname as "table", n_dead_tup as dead from pg_stat_user_tables
      where relname like 'auto%'
    warning: dead > 100
    remedy: {job: vacuum-one, params: {schema: "{{ schema }}", table: "{{ table }}"}}
    remedy_auto: in window
  - maintenance: vacuum-one
    window: night
    timeout: 1h
    params: {schema: public, table: nothing}
    steps:
      - vacuum: {tables: {sql: "select :schema, :table"}}
      - sql: insert into auto_log values (:table)
"""
NIGHT = "windows:\n  night: {from: '02:00', to: '05:00'}\n"
OPENING = datetime(2026, 3, 4, 2, 0, tzinfo=UTC)
DAY = 24 * HOUR
_COUNT = "select count(*) from pg_stat_user_tables where relname like 'auto_t%' and n_dead_tup > 100"


@pytest.fixture
def worn(shared: Database) -> Database:
    """Two tables that need it, and a log of what the job was run for."""
    shared.execute("drop table if exists auto_t1, auto_t2, auto_log", "create table auto_log (what text)")
    for name in ("auto_t1", "auto_t2"):
        shared.execute(f"create table {name} as select generate_series(1, 500) as i", f"delete from {name}")
    eventually(lambda: shared.value(_COUNT) == 2)
    return shared


@contextmanager
def held(worn: Database) -> Iterator[None]:
    """Dead rows that an older snapshot keeps."""
    with worn.session("begin isolation level repeatable read", "select 1"):
        for name in ("auto_t1", "auto_t2"):
            worn.execute(f"insert into {name} select generate_series(1, 500)", f"delete from {name}")
        eventually(lambda: worn.value(_COUNT.replace("100", "900")) == 2)
        yield


def begun(make: Make, care: str = CARE, extra: str = NIGHT) -> TempHome:
    """A home whose check has found both tables the day before."""
    home = make(extra, care=care)
    home.tick(OPENING - 3 * HOUR - MINUTE)
    assert states(home.tick(OPENING - 3 * HOUR)) == {"dead-rows": "warning"}
    return home


def reasons(home: TempHome, job: str = "vacuum-one") -> list[str]:
    with home.store() as store:
        return [run.reason for run in store.runs(job)]


def notes(home: TempHome, at: datetime) -> list[str]:
    done = home.tick(at)
    return [note for report in done.ran.reports for result in report.results for note in result.outcome.notes]


def test_the_window_mends_each_finding_and_the_check_tells_that_it_is_gone(make: Make, worn: Database) -> None:
    home = begun(make)
    found = home.tick(OPENING)
    summaries = {item.job: item.outcome.summary for report in found.ran.reports for item in report.results}
    assert summaries["vacuum-one"].startswith("completed: 2 of 2 tables vacuumed")
    assert ", 2 of 2 statements run" in summaries["vacuum-one"]
    assert worn.value("select string_agg(what, ' ' order by what) from auto_log") == "auto_t1 auto_t2"
    (note,) = notes(home, OPENING + HOUR)
    assert note == ("remedied by vacuum-one on Wednesday 4 Mar 02:00 UTC: public.auto_t1, public.auto_t2 gone")
    assert notes(home, OPENING + 2 * HOUR) == [], "it is told once"


def test_what_is_still_there_is_told_too(make: Make, worn: Database) -> None:
    home = begun(make)
    with held(worn):
        home.tick(OPENING)
        (note,) = notes(home, OPENING + HOUR)
    assert "vacuum-one on Wednesday 4 Mar 02:00 UTC, which was warning: public.auto_t1" in note
    assert note.endswith("public.auto_t1, public.auto_t2 still there")


def test_nothing_is_run_without_a_problem_outside_of_the_window_or_twice(make: Make, worn: Database) -> None:
    home = begun(make)
    for minutes in (-60, -1, 0, 1, 60):
        home.tick(OPENING + minutes * MINUTE)
    assert home.runs("vacuum-one") == [("vacuum-one", "done", 1)]
    home.tick(OPENING + DAY)
    assert home.runs("vacuum-one")[1:] == [("vacuum-one", "skipped", 0)]
    assert "but `dead-rows` has no open problem: this slot is skipped" in reasons(home)[0]


@pytest.mark.parametrize(("every", "days"), [("", [0, 1, 2]), ("3d", [0, 3]), ("1d", [0, 1, 2, 3])])
def test_remedy_every_is_how_often_at_most(make: Make, worn: Database, every: str, days: list[int]) -> None:
    care = (
        CARE.replace("remedy_auto: in window", f"remedy_auto: in window\n    remedy_every: {every}") if every else CARE
    )
    home = begun(make, care)
    with held(worn):
        ran = []
        for day in range(max(days) + 1):
            found = home.tick(OPENING + day * DAY)
            ran += [day] if "vacuum-one" in states(found) else []
    assert ran == days


@pytest.mark.parametrize("job", ["vacuum-one", "dead-rows"])
def test_a_blackout_of_the_job_or_of_its_check_skips_the_slot(make: Make, worn: Database, job: str) -> None:
    home = begun(make)
    quiet = f"silences:\n  - {{jobs: [{job}], reason: bulk load, runs: skip, until: '2026-03-04T12:00Z'}}\n"
    home.settings(quiet)
    assert "vacuum-one" not in states(home.tick(OPENING))
    assert "bulk load" in reasons(home)[0]
    assert states(home.tick(OPENING + DAY))["vacuum-one"] == "ok"


@pytest.mark.parametrize("point", ["after-claim", "after-run", "before-report"])
def test_a_death_between_claim_and_record_mends_the_findings_once_more(make: Make, worn: Database, point: str) -> None:
    home = begun(make, CARE.replace("schedule: hourly", "schedule: daily at 23:00"))
    environ = {**home.environ, VARIABLE: point}
    killed = process("run-due", "--now", "2026-03-04T02:00:00Z", home=home.path, environ=environ)
    assert killed.code == -9
    assert home.runs("vacuum-one") == [("vacuum-one", "running", 1)]
    home.tick(OPENING + MINUTE)
    assert home.runs("vacuum-one") == [("vacuum-one", "interrupted", 1), ("vacuum-one", "done", 2)]
    assert worn.value("select string_agg(distinct what, ' ' order by what) from auto_log") == "auto_t1 auto_t2"
    assert worn.value(_COUNT) == 0


def test_the_mender_s_own_problems_end_with_those_that_they_came_from(make: Make, worn: Database) -> None:
    home = begun(make)
    with held(worn):
        assert states(home.tick(OPENING))["vacuum-one"] == "warning"
    worn.execute("vacuum auto_t1", "vacuum auto_t2")
    eventually(lambda: worn.value(_COUNT) == 0)
    home.tick(OPENING + HOUR)
    assert states(home.tick(OPENING + DAY))["vacuum-one"] == "skipped"
    with home.store() as store:
        assert store.problems() == ()


def test_a_job_without_parameters_takes_the_findings_itself(make: Make, worn: Database) -> None:
    care = CARE.replace('{job: vacuum-one, params: {schema: "{{ schema }}", table: "{{ table }}"}}', "vacuum-one")
    care = care.replace('{sql: "select :schema, :table"}', "{findings_of: [dead-rows]}")
    home = begun(make, care.replace(":table", "'all'"))
    found = home.tick(OPENING)
    summaries = {item.job: item.outcome.summary for report in found.ran.reports for item in report.results}
    assert summaries["vacuum-one"].startswith("completed: 2 of 2 tables vacuumed")
    assert ", 1 of 1 statements run" in summaries["vacuum-one"]


def test_a_run_by_name_takes_its_own_parameters_and_a_dry_run_shows_both(make: Make, worn: Database) -> None:
    home = begun(make)
    given = ("--param", "table=auto_t1")
    said = runner("run", "vacuum-one", "--dry-run", *given, home=home.path, environ=home.environ).out
    by_hand, _, by_itself = said.partition("for what dead-rows complains about:")
    assert ("auto_t1" in by_hand, "auto_t2" in by_hand) == (True, False)
    assert (
        "public.auto_t1; dead-rows:" in by_itself.replace("\n      ", " ") or "dead-rows: public.auto_t2" in by_itself
    )
    runner("run", "vacuum-one", *given, "--no-deliver", home=home.path, environ=home.environ)
    assert worn.value("select string_agg(what, ' ') from auto_log") == "auto_t1"


def test_plan_and_explain_tell_of_it(make: Make, worn: Database) -> None:
    home = begun(make)

    def said(*words: str) -> str:
        return " ".join(runner(*words, home=home.path, environ=home.environ).out.split())

    assert "vacuum-one main due Wednesday 4 Mar 02:00 UTC" in said("plan", "--at", "2026-03-04T02:00Z")
    assert "is mended by vacuum-one, by itself each time that its window opens" in said("explain", "dead-rows")
    about = said("explain", "vacuum-one")
    assert "written `when night opens`" in about
    assert "for what dead-rows complains about then, if anything" in about


@pytest.mark.parametrize(
    ("old", "new", "message", "help_"),
    [
        ("    window: night\n", "", "`vacuum-one` has no window in which", "give `vacuum-one` a `window:`"),
        ("    window: night\n", "    window: night\n    schedule: daily\n", "has a schedule of its own", "remove the"),
        ("    schedule: hourly\n", "    schedule: hourly\n    for_each: database\n", "one of them only", "for_each:"),
        ("{{ table }}", "{{ dead }}", "and `dead` is none", "the key is schema, table"),
        ("    remedy_auto: in window\n", "    remedy_every: 7d\n", "limits what runs by itself", "remedy_auto: in window"),
        ('    remedy: {job: vacuum-one, params: {schema: "{{ schema }}", table: "{{ table }}"}}\n', "", "there is none", ""),
        ("in window", "always", "remedy_auto", "in window"),
        ("in window", "in window\n    remedy_every: often", "remedy_every", "duration"),
    ],
)  # fmt: skip
def test_what_could_never_run_by_itself_is_refused(make: Make, old: str, new: str, message: str, help_: str) -> None:
    assert old in CARE
    home = make(NIGHT, care=CARE.replace(old, new, 1))
    said = runner("validate", home=home.path, environ=home.environ)
    assert said.code == 1
    assert message in said.all
    assert help_ in said.all
