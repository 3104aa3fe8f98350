"""A check and the maintenance job that mends what it complains about, from the finding to the recovery."""

from __future__ import annotations

import pytest

from tests.app.homes import Make
from tests.cli.support import runner
from tests.postgres import Database, eventually

CARE = """
jobs:
  - check: dead-rows
    key: [schema, table]
    columns: {dead: count}
    sql: |
      select schemaname as schema, relname as "table", n_dead_tup as dead from pg_stat_user_tables
      where relname like 'remedy%'
    warning: dead > 100
    hint: "{{ dead }} dead rows"
    remedy: {job: vacuum-one, params: {schema: "{{ schema }}", table: "{{ table }}"}}
  - maintenance: vacuum-one
    timeout: 1h
    params: {schema: public, table: nothing}
    steps:
      - vacuum: {tables: {sql: "select :schema, :table"}}
  - maintenance: mend
    timeout: 1h
    steps:
      - vacuum: {tables: {findings_of: [dead-rows]}}
"""


def test_the_next_run_mends_what_the_check_found_and_the_check_says_so(make: Make, shared: Database) -> None:
    for name in ("remedy_a", "remedy_b", "remedy_c"):
        shared.execute(f"create table {name} as select generate_series(1, 500) as i")
    shared.execute("delete from remedy_a", "delete from remedy_b")
    counted = "select count(*) from pg_stat_user_tables where relname like 'remedy%' and n_dead_tup = 500"
    eventually(lambda: shared.value(counted) == 2)
    home = make(care=CARE)

    def run(*words: str) -> tuple[int, str]:
        said = runner("run", *words, "--no-deliver", home=home.path, environ=home.environ)
        return said.code, said.all

    code, said = run("dead-rows")
    assert code == 1
    assert "500 dead rows; runner run vacuum-one --target main --param schema=public --param table=remedy_a" in said
    code, said = run("vacuum-one", "--param", "schema=public", "--param", "table=remedy_a")
    assert (code, "completed: 1 of 1 tables vacuumed" in said) == (0, True)
    code, said = run("mend")
    assert (code, "completed: 2 of 2 tables vacuumed" in said) == (0, True)
    code, said = run("dead-rows")
    assert code == 0
    code, said = run("mend")
    assert "no table was chosen" in said


@pytest.mark.parametrize(
    ("remedy", "code", "message"),
    [
        ("vacum-one", "unknown-job", "there is no job `vacum-one`"),
        ("dead-rows", "bad-value", "`dead-rows` mends nothing: it is a check"),
        ("{job: vacuum-one, params: {tabel: x}}", "unknown-parameter", "`vacuum-one` has no parameter `tabel`"),
        ('{job: vacuum-one, params: {table: "{{ tabel }}"}}', "unknown-column", "no column `tabel`"),
    ],
)
def test_a_remedy_that_could_not_be_run_is_refused(make: Make, remedy: str, code: str, message: str) -> None:
    text = CARE.replace('{job: vacuum-one, params: {schema: "{{ schema }}", table: "{{ table }}"}}', remedy)
    assert remedy in text
    home = make(care=text)
    said = runner("validate", home=home.path, environ=home.environ)
    assert said.code == 1
    assert message in said.all
    assert code in said.all
