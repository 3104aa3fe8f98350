"""Advice about ends, columns, statements, silences and tests: what is flagged, and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.compile.catalogue import load_catalogue
from runner.compile.home import load_home
from runner.compile.lint import lint
from runner.config.assemble import checks_schema
from runner.config.diagnostics import render_all
from runner.config.files import shipped
from runner.config.schema import Checker
from tests.compile.lint.conftest import NOW, REGISTRY, Said

SETTINGS = "allow: [command]\nwindows: {night: {from: '22:00', to: '05:00'}}\n"


def places(lines: list[str]) -> list[str]:
    return [" ".join(line.split(" ", 2)[:2]) for line in lines]


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        ("command: a\nrun: [x]\n", ["a.yaml:1:1 no-timeout"]),
        ("command: a\nrun: [x]\ntimeout: 1min\n", []),
        ("command: a\nrun: [x]\nwindow: night\n", []),
        ("maintenance: a\nsteps: [{vacuum: {}}]\n", ["a.yaml:1:1 no-timeout"]),
        ("maintenance: a\nsteps: [{vacuum: {}}]\nwindow: night\n", []),
        ("timeout: 1h\njobs:\n  - maintenance: a\n    steps: [{vacuum: {}}]\n", []),
        ("check: a\nsql: select 1 as x\nwarning: x > 1\n", []),
        ("check: a\nsql: select 1 as x\n", ["a.yaml:1:1 no-threshold"]),
        ("check: a\nsql: select 1 as x\nshow: [x]\n", []),
        ("check: a\nsql: select 1 as x\nsummary: '{{ count }}'\n", []),
        ("check: a\nsql: select 1 as x\nkey: [x]\non_gone: critical\n", []),
        ("check: a\nsql: select 1 as x\ndetail: select 2\n", []),
    ],
)
def test_ends_and_findings(said: Said, job: str, expected: list[str]) -> None:
    assert places(said(job, runner=SETTINGS)) == expected


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("message: hello\n", ["a.yaml:3:11 unused-column", "a.yaml:3:21 unused-column"]),
        ("message: '{{ x }} {{ yy }}'\n", []),
        ("message: '{{ x }}'\nsummary: \"{{ rows | map(attribute='yy') | join }}\"\n", []),
        ("message: '{{ x }}'\nhint: '{{ yy }}'\n", []),
        ("message: '{{ x }}'\ndetail: select yy\n", []),
        ("message: '{{ x }}'\nkey: [yy]\n", []),
        ("message: '{{ x }}'\nshow: [yy]\n", []),
        ("message: '{{ x }}'\ntrend: yy\n", []),
        ("message: '{{ x }}'\ncomputed: {q: delta(yy)}\n", []),
        ("message: '{{ x }}'\ncritical: delta(yy) > 5\n", []),
        ("message: '{{ x }}'\ncritical: previous.yy > 5\n", []),
        ("message: '{{ x }}'\nclear: yy < 5\n", []),
        ("message: '{{ x }}'\nexcept: [{yy: '5'}]\n", []),
        ("", []),
    ],
)
def test_unused_columns(said: Said, rest: str, expected: list[str]) -> None:
    head = "check: a\nsql: select a as x, b as yy from t\ncolumns: {x: count, yy: count}\n"
    assert places(said(f"{head}warning: rows > 5\n{rest}")) == expected


def test_a_shared_column_is_used_when_one_job_uses_it(said: Said) -> None:
    job = """columns: {x: count, y: count, z: count}
message: "{{ x }}"
sql: select x, y, z from t
jobs:
  - {check: a, warning: x > 1}
  - {check: b, warning: y > 1}
"""
    assert places(said(job)) == ["a.yaml:1:31 unused-column"]


def test_a_check_of_the_catalogue_may_be_used_with_other_thresholds(said: Said) -> None:
    catalogue = """check: pg.a
columns: {x: count, y: count}
sql: select x, y from t
warning: x > 1 or y > 1
message: "{{ x }}"
"""
    assert said("jobs:\n  - {use: pg.a, warning: x > 5}\n", checks_d__catalogue__own=catalogue) == []


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("delete from t", "delete"),
        ("  /* a */ DELETE from t", "DELETE"),
        ("-- delete\nupdate t set x = 1", "update"),
        ("(insert into t values (1))", "insert"),
        ("truncate t", "truncate"),
        ("create table t (x int)", "create"),
        ("vacuum t", "vacuum"),
        ("grant select on t to r", "grant"),
        ("with gone as (delete from t returning *) select count(*) as x from gone", "delete"),
        ("with gone as not materialized ( update t set x = 1 returning 1) select 1 as x", "update"),
        ("with a as (select 1) insert into t select * from a", "insert"),
        ("with a as (select 1) delete from t using a", "delete"),
        ("select x from t for update", "update"),
        ("select x from t for no key update skip locked", "no key update"),
        ("select 'delete from t' as x", None),
        ('select "delete" as x from "update"', None),
        ("select $$ delete from t $$ as x", None),
        ("/* delete /* nested */ from */ select 1 as x", None),
        ("select x -- for update\nfrom t", None),
        ("select deleted, updated from t", None),
        ("select count(*) filter (where deleted) as x from t", None),
        ("with recent as (select 1 as x) select x from recent", None),
        ("select n_tup_upd as x from pg_stat_user_tables where update_time > now()", None),
        ("show server_version", None),
        ("explain select 1", None),
        ("values (1)", None),
        ("", None),
    ],
)
def test_statements_that_write(said: Said, sql: str, found: str | None) -> None:
    written = "".join(f"  {line}\n" for line in sql.splitlines())
    job = f"check: a\nsql: select 1 as x\nwarning: rows > 1\napplies_if: |\n{written}"
    lines = said(job) if sql else []
    assert [line.split(" ")[1] for line in lines] == (["sql-writes"] if found else [])
    if found:
        _, line, column = lines[0].split(" ")[0].split(":")
        assert job.splitlines()[int(line) - 1][int(column) - 1 :].startswith(found)


def test_all_that_is_only_read_is_looked_at(said: Said) -> None:
    check = "check: a\nsql: {14: delete from t, 15: select 1}\nwarning: rows > 1\ndetail: drop table t\nprecondition: alter table t\n"
    maintenance = """maintenance: m
timeout: 1h
measure: {key: [t], sql: update t}
steps:
  - vacuum: {tables: {sql: delete from t}}
  - sql: delete from t
"""
    assert places(said(check, checks_d__m=maintenance)) == [
        "a.yaml:2:11 sql-writes",
        "a.yaml:4:9 sql-writes",
        "a.yaml:5:15 sql-writes",
        "m.yaml:3:26 sql-writes",
        "m.yaml:5:28 sql-writes",
    ]


@pytest.mark.parametrize(
    ("sql", "flagged"),
    [
        ("select relname as k from pg_stat_user_tables", True),
        ("select relname as k from pg_catalog.pg_class", True),
        ("select relname as k from pg_stat_user_tables order by 1", True),
        ("select table_name as k from information_schema.tables", True),
        ("select queryid as k from pg_stat_statements order by calls desc", True),
        ("select relname as k from pg_class -- where relkind = 'r'", True),
        ("select relname as k from pg_class limit 20", False),
        ("select relname as k from pg_class where relkind = 'r'", False),
        ("select relkind as k, count(*) as n from pg_class group by 1", False),
        ("select max(relname) as k from pg_class", False),
        ("select distinct relkind as k from pg_class", False),
        ("select datname as k from pg_database", False),
        ("select pid as k from pg_stat_activity", False),
        ("select k from tables", False),
        ("select k from orders", False),
        ("select k from pg_class fetch first 5 rows only", False),
    ],
)
def test_results_without_a_bound(said: Said, sql: str, flagged: bool) -> None:
    found = places(said(f"check: a\nkey: [k]\nwarning: 'true'\nsql: |\n  {sql}\n"))
    assert [item.split()[1] for item in found] == (["unbounded-result"] if flagged else [])


def test_without_a_key_the_result_is_one(said: Said) -> None:
    assert said("check: a\nwarning: rows > 5\nsql: select relname as k from pg_class\n") == []


def test_silences_that_are_over(said: Said) -> None:
    settings = """silences:
  - {jobs: [a], until: 2026-05-31, reason: over}
  - {jobs: [a], until: 2026-06-01, reason: until the end of today}
  - {jobs: [a], window: night, reason: for ever}
windows: {night: {from: '22:00', to: '05:00'}}
"""
    assert said("check: a\nsql: select 1 as x\nwarning: x > 1\n", runner=settings) == [
        (
            "runner.yaml:2:6 expired-silence this silence ended on 2026-06-01 00:00"
            " | remove it, or give it a later `until:`"
        )
    ]


def test_keys_that_are_not_unique(said: Said) -> None:
    job = """check: a
key: [s, t]
sql: select s, t, x from q
warning: x > 1
tests:
  - rows: [{s: a, t: b, x: 1}, {s: a, t: c, x: 1}, {s: a, t: b, x: 2}]
    expect: {warning: [a.b]}
  - history: [{ago: 1h, rows: [{s: a, t: b, x: 1}, {s: a, t: b, x: 1}]}]
    rows: [{s: a, x: 1}, {s: a, x: 1}]
    expect: ok
"""
    assert said(job) == [
        (
            "a.yaml:6:52 key-not-unique rows 1 and 3 of this test have the same key, a.b"
            " | name more columns in `key:`, or mend the rows"
        ),
        (
            "a.yaml:8:52 key-not-unique rows 1 and 2 of this test have the same key, a.b"
            " | name more columns in `key:`, or mend the rows"
        ),
    ]


def test_the_shipped_home_and_its_catalogue_get_no_advice(tmp_path: Path) -> None:
    home = load_home(shipped("checks.d").parent, REGISTRY, {})
    assert render_all(lint(home, REGISTRY.kinds, NOW), home.sources) == ""
    catalogue = load_catalogue(home.path, REGISTRY, Checker(checks_schema(REGISTRY)))
    (tmp_path / "checks.d").mkdir()
    uses = "".join(f"  - use: {name}\n" for name in catalogue.entries)
    (tmp_path / "checks.d" / "all.yaml").write_text(f"jobs:\n{uses}")
    everything = load_home(tmp_path, REGISTRY, {})
    assert len(everything.jobs) > 10
    assert render_all(lint(everything, REGISTRY.kinds, NOW), everything.sources) == ""


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("columns: {xs: count}\n", ["a.yaml:3:11 unknown-column no query returns a column `xs` | did you mean `x`?"]),
        ("columns: {x: count}\n", []),
        ("except: [{nme: pg, reason: ours}]\n",
         ["a.yaml:3:11 unknown-column no query returns a column `nme` | did you mean `name`?"]),
        ("except: [{name: pg, reason: ours}]\n", []),
        ("columns: {q: count}\ncomputed: {q: x * 2}\n", []),
    ],
)  # fmt: skip
def test_columns_that_no_query_returns(said: Said, rest: str, expected: list[str]) -> None:
    assert said(f"check: a\nsql: select name, x from t\n{rest}warning: x > 1\n") == expected


def test_a_shared_column_is_known_when_one_query_returns_it(said: Said) -> None:
    job = """columns: {x: count, y: count}
jobs:
  - {check: a, sql: select x from t, warning: x > 1}
  - {check: b, sql: select y from t, warning: y > 1}
"""
    assert said(job) == []
