"""New jobs made from what a query returns: they validate, their tests pass, and they do not fire now."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.api import State, TargetError
from runner.app.new import Made, Wish, new_check, new_from_catalogue, new_maintenance
from runner.app.run_job import run_job
from runner.app.runs import Manner
from runner.app.test_checks import cases, run_case
from runner.clock import ShiftedClock, SystemClock
from runner.errors import RunnerError, UsageError
from tests.app.homes import SLOT, TempHome
from tests.postgres import Database

TABLES = """
select 'public' as schema, name as "table", rows as dead_rows, rows * 1024 as size_bytes, 'any text' as state
from (values ('orders', 70), ('lines', 7)) as t (name, rows)
"""


@pytest.fixture
def home(tmp_path: Path, database: Database) -> TempHome:
    return TempHome.make(tmp_path / "home", database.options(), {})


def made(home: TempHome, sql: str, **given: object) -> Made:
    wish = Wish(name=str(given.pop("name", "used")), schedule=str(given.pop("schedule", "")),
                group=str(given.pop("group", "")))  # fmt: skip
    options = {"target": "", "key": (), "offline": False, "now": SLOT, **given}
    return new_check(home.load(), wish, sql, **options)  # type: ignore[arg-type]


def proven(home: TempHome, new: Made) -> str:
    """Writes it; loads the home, runs the tests of the file and the check itself. The text without its comments."""
    new.write()
    loaded = home.load()
    assert loaded.home.diagnostics == ()
    job = loaded.home.jobs[-1]
    for case in cases([job]):
        assert run_case(case, loaded, SystemClock()).complaints == ()
    ran = run_job(loaded, ShiftedClock(SLOT), [job.name], "", Manner(stdout=home.printed.append))
    assert [report.state for report in ran.reports] == [State.OK]
    return "\n".join(line.split("  #")[0].rstrip() for line in new.text.splitlines() if not line.startswith("#"))


def test_a_query_becomes_a_check_that_is_ok_now(home: TempHome) -> None:
    assert (
        proven(home, made(home, TABLES))
        == f"""\
check: used
title: Used
schedule: hourly
key: [schema, table]
columns:
  dead_rows: count
  size_bytes: bytes
sql: |
  {TABLES.strip().replace(chr(10), chr(10) + "  ")}
warning: dead_rows > 200
critical: dead_rows > 500
message: "{{{{ schema }}}}.{{{{ table }}}}: {{{{ dead_rows }}}} dead rows"
tests:
  - name: a row as it was when this was written
    rows: [{{schema: public, table: orders, dead_rows: 70, size_bytes: 71680}}]
    expect: ok
  - name: the same row with more
    rows: [{{schema: public, table: orders, dead_rows: 350, size_bytes: 71680}}]
    expect: {{warning: [public.orders]}}"""
    )


def test_every_guess_has_its_reason(home: TempHome) -> None:
    text = made(home, TABLES).text
    assert text.startswith("# yaml-language-server: $schema=../schema/checks.schema.json\n")
    assert "# The guesses below come from 2 rows of main at 2026-03-04 03:00 UTC: look at each.\n" in text
    for line in ("schedule:", "key:", "  dead_rows:", "  size_bytes:", "warning:", "critical:"):
        (found,) = [item for item in text.splitlines() if item.startswith(line)]
        assert "  # guess: " in found
    assert "about twice what there is at most now (70)" in text


@pytest.mark.parametrize(
    ("column", "kind", "warning"),
    [
        ("7", "count", "x > 20"),
        ("12345::bigint", "count", "x > 50_000"),
        ("0.5::numeric", "number", "x > 1"),
        ("0.003::float8", "number", "x > 0.01"),
        ("0", "count", "x > 0"),
        ("-5", "count", "x > 0"),
        ("interval '40 min'", "interval", "x > 2h"),
        ("interval '3 days'", "interval", "x > 7d"),
        ("interval '0.0004 s'", "interval", "x > 1ms"),
        ("interval '3 years'", "interval", "x > 5000d"),
    ],
)
def test_thresholds_are_round_and_do_not_fire_now(home: TempHome, column: str, kind: str, warning: str) -> None:
    text = proven(home, made(home, f"select {column} as x"))
    assert f"columns:\n  x: {kind}\n" in text
    assert f"\nwarning: {warning}\n" in text


@pytest.mark.parametrize(
    ("name", "value", "kind", "warning"),
    [
        ("total_size", "3 * 1024 * 1024", "bytes", "10MB"),
        ("retained_bytes", "900", "bytes", "2kB"),
        ("heap_bytes", "2000000000000000000", "bytes", "5000PB"),
        ("shared_kb", "4096", "kB", "10MB"),
        ("wait_ms", "120", "ms", "500ms"),
        ("lag_seconds", "100.5", "seconds", "5min"),
        ("used_percent", "30", "percent", "60%"),
        ("used_percent", "80", "percent", "90%"),
        ("used_percent", "98", "percent", "99%"),
        ("hit_ratio", "0.2", "ratio", "40%"),
        ("busy_ratio", "3.5", "ratio", "1000%"),
        ("mean_exec_time", "12.5::float8", "ms", "50ms"),
    ],
)
def test_names_tell_units(home: TempHome, name: str, value: str, kind: str, warning: str) -> None:
    text = proven(home, made(home, f"select {value} as {name}"))
    assert f"columns:\n  {name}: {kind}\n" in text
    assert f"\nwarning: {name} > {warning}\n" in text


def test_a_share_that_is_the_whole_has_no_room_for_a_threshold(home: TempHome) -> None:
    new = made(home, "select 100 as used_percent")
    assert "\nwarning:" not in proven(home, new)
    assert "# warning: … could not be guessed" in new.text


@pytest.mark.parametrize(
    ("sql", "key"),
    [
        ("select 'a' as name, 1 as n", "[name]"),
        ("select name, 1 as n from (values ('a'), ('b')) as t (name)", "[name]"),
        ("select a, b, 1 as n from (values ('a', 'x'), ('a', 'y'), ('b', 'x')) as t (a, b)", "[a, b]"),
        ("select s as schemaname, r as relname, 1 as n from (values ('a', 'x'), ('b', 'x')) as t (s, r)",
         "[schemaname, relname]"),
        ("select pid, state, 1 as n from (values (1, 'x'), (2, 'x')) as t (pid, state)", "[pid]"),
        ("select state, 1 as n from (values ('x'), ('y')) as t (state)", "[state]"),
        ("select gen_random_uuid() as name, 1 as n from generate_series(1, 3)", "[name]"),
        ("select 'no: \"yes\" #1' as name, 1 as n", "[name]"),
        ("select E'tab\\tand\\u2028 \\U0001F600' as name, 1 as n", "[name]"),
        ("select 'true' as name, 1 as n", "[name]"),
    ],
)  # fmt: skip
def test_the_key_is_what_tells_the_rows_apart(
    home: TempHome, sql: str, key: str, request: pytest.FixtureRequest
) -> None:
    assert f"\nkey: {key}\n" in proven(home, made(home, sql))


def test_rows_that_nothing_tells_apart_have_no_key(home: TempHome) -> None:
    new = made(home, "select 'a' as name, n from generate_series(1, 3) as n")
    new.write()
    assert "# key: […] could not be guessed: no text columns are different together in all rows seen." in new.text
    assert home.load().home.job("used") is not None


def test_the_key_that_was_asked_for_holds(home: TempHome) -> None:
    assert "\nkey: [b]\n" in proven(home, made(home, "select 'x' as a, 7 as b, 1 as n", key=("b",)))
    with pytest.raises(UsageError, match="the query returns no column `c`"):
        made(home, "select 1 as n", key=("c",), name="other")


def test_a_query_without_rows_still_has_types_and_any_row_is_news(home: TempHome) -> None:
    text = proven(home, made(home, "select relname, relpages, now() - now() as age from pg_class where false"))
    assert "key: [relname]\ncolumns:\n  relpages: count\n  age: interval\n" in text
    assert "\nwarning: true\n" in text


def test_a_query_of_texts_alone_counts_its_rows(home: TempHome) -> None:
    assert "\nwarning: rows > 5\n" in proven(home, made(home, "select 'a' as name union select 'b'"))


@pytest.mark.parametrize("sql", ["show work_mem", "values (1), (2)", "table pg_namespace", "select 1 as n; -- all"])
def test_any_statement_that_returns_rows_will_do(home: TempHome, sql: str) -> None:
    new = made(home, sql)
    new.write()
    assert home.load().home.job("used") is not None


@pytest.mark.parametrize(
    ("sql", "kind", "message"),
    [
        ("select nonsense", RunnerError, 'the query cannot be run on main: column "nonsense" does not exist'),
        ("create table t (id int)", RunnerError, "cannot execute CREATE TABLE in a read-only transaction"),
        ("select 1", UsageError, "a threshold cannot name the column `?column?`"),
        ('select 1 as "and"', UsageError, "a threshold cannot name the column `and`"),
        ("select :limit as n", UsageError, "the query has the parameter `:limit`"),
        ("  ;", UsageError, "the query is empty"),
        ("do $$ begin end $$", UsageError, "the query returns no columns"),
    ],
)  # fmt: skip
def test_a_query_that_makes_no_check_is_refused(
    home: TempHome, sql: str, kind: type[RunnerError], message: str
) -> None:
    with pytest.raises(kind) as raised:
        made(home, sql)
    assert message in raised.value.message
    assert list((home.path / "checks.d").iterdir()) == []


def test_without_a_server_nothing_is_made_unless_offline(tmp_path: Path) -> None:
    home = TempHome.make(tmp_path / "home", {"host": "127.0.0.1", "port": "1"}, {})
    with pytest.raises(TargetError) as raised:
        made(home, "select 1 as n")
    assert "--offline" in raised.value.hint
    new = made(home, "select count(*) as used from pg_stat_activity", offline=True)
    new.write()
    loaded = home.load()
    assert loaded.home.errors == ()
    assert loaded.home.job("used") is not None
    assert "# columns: {used: count, size: bytes}" in new.text


def test_nothing_is_overwritten(home: TempHome) -> None:
    new = made(home, "select 1 as n")
    new.write()
    with pytest.raises(UsageError, match="is never overwritten"):
        new.write()
    with pytest.raises(UsageError, match=r"there is a job `used` already at checks\.d/used\.yaml"):
        made(home, "select 2 as n")
    home.write("other.yaml", "# nothing yet\n")
    with pytest.raises(UsageError, match=r"checks.d/other.yaml is there already"):
        made(home, "select 2 as n", name="other")
    assert (home.path / "checks.d" / "used.yaml").read_text() == new.text


GROUP = """\
title: Mine
schedule: daily
# before
jobs:
    - check: first   # here
      sql: select 1 as n
      warning: n > 5
# at the end"""


def test_a_group_gets_one_job_more_and_keeps_every_character(home: TempHome) -> None:
    (home.path / "checks.d" / "mine.yaml").write_text(GROUP)
    new = made(home, TABLES, group="mine")
    new.write()
    text = (home.path / "checks.d" / "mine.yaml").read_text()
    assert text.startswith(GROUP + "\n")
    loaded = home.load()
    assert [job.name for job in loaded.home.jobs] == ["first", "used"]
    assert loaded.home.jobs[1].schedule == loaded.home.jobs[0].schedule
    assert "schedule" not in new.added


def test_a_new_group_begins_a_file_with_a_list(home: TempHome) -> None:
    proven(home, made(home, "select 1 as n", group="alerts", schedule="every 5min"))
    job = home.load().home.jobs[0]
    assert (job.group, job.name, job.schedule.text if job.schedule else "") == ("alerts", "used", "every 5min")


@pytest.mark.parametrize(
    "text", ["check: one\nsql: select 1 as n\n", "jobs: [{check: one, sql: select 1 as n}]\n",
             "jobs:\n  - {check: one, sql: select 1 as n}\ntitle: last\n"]
)  # fmt: skip
def test_a_file_without_a_list_at_its_end_is_left_alone(home: TempHome, text: str) -> None:
    (home.path / "checks.d" / "mine.yaml").write_text(text)
    with pytest.raises(UsageError, match="does not end with a list under `jobs:`"):
        made(home, "select 1 as n", group="mine")
    assert (home.path / "checks.d" / "mine.yaml").read_text() == text


@pytest.mark.parametrize("name", ["with space", "../up", "", "a/b", "-x"])
def test_a_name_that_is_none_is_refused(home: TempHome, name: str) -> None:
    with pytest.raises(UsageError):
        made(home, "select 1 as n", name=name)


def test_a_check_of_the_catalogue_is_taken_over(home: TempHome) -> None:
    new = new_from_catalogue(home.load(), Wish(name="many-connections"), "pg.connections")
    new.write()
    job = home.load().home.job("many-connections")
    assert job is not None
    assert "use: pg.connections\n" in new.text
    assert "# warning: " in new.text
    with pytest.raises(UsageError, match=r"stands for \d+ checks"):
        new_from_catalogue(home.load(), Wish(name="x"), "pg.*")
    with pytest.raises(RunnerError, match=r"the catalogue has no check `pg\.conections`"):
        new_from_catalogue(home.load(), Wish(name="x"), "pg.conections")


def test_a_maintenance_job_vacuums(home: TempHome, database: Database) -> None:
    database.execute("create table t (id int)", "insert into t select generate_series(1, 10)")
    new_maintenance(home.load(), Wish(name="nightly", schedule="daily at 02:00")).write()
    loaded = home.load()
    assert loaded.home.diagnostics == ()
    job = loaded.home.job("nightly")
    assert job is not None
    assert (job.kind, job.schedule.cron if job.schedule else "") == ("maintenance", "0 2 * * *")
