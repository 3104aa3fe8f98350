"""`validate --connect` on a real server: names, types, rights and places, without running anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.app.connect import ask_servers
from runner.app.loading import load
from runner.compile.catalogue import load_catalogue
from runner.config.assemble import checks_schema
from runner.config.files import shipped
from runner.config.schema import Checker
from runner.model.diagnostic import Severity
from runner.plugins.host import PluginHost
from tests.postgres import Database, Servers

NAMES = {"host": "HOST", "port": "PORT", "dbname": "NAME", "user": "USER", "password": "PASSWORD"}
Said = Callable[..., list[str]]


@pytest.fixture(scope="module")
def orders(server: Servers) -> Iterator[Database]:
    """A database with one table, for tests that change nothing."""
    with server.fresh_database() as database:
        database.execute("create table orders (name text, placed timestamptz, total numeric, open bool)")
        yield database


@pytest.fixture
def said(tmp_path: Path, request: pytest.FixtureRequest) -> Said:
    """What the server says about `checks.d/a.yaml`, as `3:10 code message | hint`."""
    names = request.fixturenames
    database: Database = request.getfixturevalue("orders" if "database" not in names else "database")

    def say(job: str, user: str = "", targets: str = "") -> list[str]:
        options = database.options(user)
        (tmp_path / "checks.d").mkdir(exist_ok=True)
        (tmp_path / "checks.d/a.yaml").write_text(job)
        if targets:
            (tmp_path / "runner.yaml").write_text(targets)
        environ = {f"DATABASE_{NAMES[key]}": value for key, value in options.items() if key in NAMES}
        loaded = load(str(tmp_path), environ=environ)
        assert loaded.home.errors == ()
        found = ask_servers(loaded)
        assert all(item.severity is Severity.ERROR for item in found)
        return [f"{item.span.line}:{item.span.column} {item.code} {item.message} | {item.hint}" for item in found]

    return say


def test_what_is_right_gets_no_word(said: Said) -> None:
    job = """check: a
key: [name]
params: {least: 5, relation: orders}
columns: {waiting: interval, total: number, open: bool}
sql: select name, now() - placed as waiting, total, open from :"relation" where total > :least
computed: {twice: total * 2}
warning: waiting > 5min or twice > params.least
critical: not open and previous.total > 5
message: "{{ name }} {{ twice }} {{ key }} {{ database }} {{ target }}"
show: [name, twice]
detail: select * from orders
applies_if: select true
"""
    assert said(job) == []


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        ("sql: |\n  select name,\n         totl from orders\nwarning: totl > 5\n",
         [('5:10 sql-error `a`: column "totl" does not exist (on main) |'
          ' Perhaps you meant to reference the column "orders.total".')]),
        ("sql: select name from ordrs\nwarning: rows > 5\n",
         [('3:23 sql-error `a`: relation "ordrs" does not exist (on main) | look at its name and schema;'
          " `requires: {extension: NAME}` skips the job where an extension is missing")]),
        ("sql: selct 1 as x\nwarning: x > 5\n", ['3:6 sql-error `a`: syntax error at or near "selct" (on main) | ']),
        ("sql: select nofunction(1) as x\nwarning: x > 5\n",
         [("3:13 sql-error `a`: function nofunction(integer) does not exist (on main) |"
          " No function matches the given name and argument types. You might need to add explicit type casts.")]),
        (("params: {long_name_of_a_parameter: 1}\nsql: select :long_name_of_a_parameter::int as x, oops from orders\n"
         "warning: x > 5\n"),
         ['4:50 sql-error `a`: column "oops" does not exist (on main) | ']),
        ("sql: select * from orders\nwarning: totl > 5\n",
         ["4:10 expression-column the result has no column `totl` (on main) | did you mean `total`?"]),
        ("sql: select * from orders\ncomputed: {b: totl + 1}\nwarning: b > 5\n",
         ["4:15 expression-column the result has no column `totl` (on main) | did you mean `total`?"]),
        ("sql: select * from orders\nwarning: total > 5\nkey: [nam]\n",
         ["5:7 unknown-column the result has no column `nam` (on main) | did you mean `name`?"]),
        ("sql: select * from orders\nwarning: total > 5\nmessage: '{{ total }} {{ nme }}'\n",
         ["5:26 unknown-column the result has no column `nme` (on main) | did you mean `name`?"]),
        ("sql: select * from orders\nwarning: total > 5\nshow: [totals]\ntrend: open1\n",
         ["5:8 unknown-column the result has no column `totals` (on main) | did you mean `total`?",
          "6:8 unknown-column the result has no column `open1` (on main) | did you mean `open`?"]),
        ("sql: select * from orders\nwarning: total > 5\nexcept: [{nam: x, reason: y}]\n",
         ["5:11 unknown-column the result has no column `nam` (on main) | did you mean `name`?"]),
        ("sql: select * from orders\nwarning: total > 5\ncolumns: {totals: count}\n",
         ["5:11 unknown-column the result has no column `totals` (on main) | did you mean `total`?"]),
        ("sql: select * from orders\nwarning: rows > 5\ncolumns: {placed: count, open: bytes, total: timestamp}\n",
         [("5:19 column-type `placed` is declared as count, and the query returns a point in time (on main) |"
          " declare it as timestamp, or change the query"),
          ("5:32 column-type `open` is declared as bytes, and the query returns a truth value (on main) |"
          " declare it as bool, or change the query"),
          ("5:46 column-type `total` is declared as timestamp, and the query returns a number (on main) |"
          " declare it as count, or change the query")]),
        ("sql: select now() - placed as waiting from orders\nwarning: waiting > 5\n",
         [("4:10 expression-unit `waiting` is a duration, `5` is a number (on main) |"
          " write the unit: 5s, 5min, 5h")]),
        ("sql: {9: select 1 as x, 99: select 2 as x}\nwarning: x > 5\nrequires: {version: 99+}\n", []),
        ("sql: {99: select 2 as x}\nwarning: x > 5\n", ["no SQL"]),
        ("sql: {9: select 1 as x, 99: select oops}\nwarning: x > 5\n", []),
        ("sql: select oops as x\nwarning: x > 5\nrequires: {extension: never_heard_of}\n", []),
        ("sql: select oops as x\nwarning: x > 5\napplies_if: select false\n", []),
        ("sql: select oops as x\nwarning: x > 5\napplies_if: select flase\n",
         ['5:20 sql-error `a`: column "flase" does not exist (on main) | ']),
        ("sql: select 1 as x\nwarning: x > 5\ndetail: select oops\n",
         ['5:16 sql-error `a`: column "oops" does not exist (on main) | ']),
        ("sql: select 1 as x\nwarning: x > 5\nprecondition: select false, 'not today'\n",
         ["5:15 missing-grant `a` cannot look: not today (on main) | runner doctor prints the SQL of missing grants"]),
        ("sql: select 1; select 2 as x\nwarning: x > 5\n",
         ["3:6 sql-error `a`: cannot insert multiple commands into a prepared statement (on main) | "]),
    ],
)  # fmt: skip
def test_what_a_check_gets_wrong(said: Said, orders: Database, job: str, expected: list[str]) -> None:
    found = said(f"check: a\ntitle: A\n{job}")
    if expected == ["no SQL"]:
        place = f"3:6 sql-error `a` has no SQL for PostgreSQL {orders.major}: it begins with 99 (on main)"
        expected = [f"{place} | add `requires: {{version: 99+}}`, or SQL for {orders.major}"]
    assert found == expected


def test_maintenance(said: Said, database: Database) -> None:
    job = """maintenance: a
timeout: 1h
measure:
  key: [nam]
  columns: {dead: count}
  sql: select relname as name, n_dead_tup as dead from pg_stat_user_tables limit 5
steps:
  - vacuum: {tables: {sql: selct 1}}
  - sql: create table made (id int)
  - sql: insert into made select 1
  - sql: insrt into made select 1
"""
    assert said(job) == [
        "4:9 unknown-column the result has no column `nam` (on main) | the columns are `name`, `dead`",
        '8:28 sql-error `a`: syntax error at or near "selct" (on main) | ',
        '11:10 sql-error `a`: syntax error at or near "insrt" (on main) | ',
    ]
    assert database.value("select count(*) from pg_class where relname = 'made'") == 0


def test_rights_that_are_missing(said: Said, database: Database, minimal_role: str) -> None:
    database.execute("create table secret (id int)", "create schema hidden", "create table hidden.t (id int)")
    table = said("check: a\nsql: select count(*) as x from secret\nwarning: x > 5\n", minimal_role)
    assert table == [
        (
            "2:6 missing-grant `a`: permission denied for table secret (on main) |"
            f' as its owner: grant select on secret to "{minimal_role}";'
        )
    ]
    schema = said("check: a\nsql: select count(*) as x from hidden.t\nwarning: x > 5\n", minimal_role)
    assert schema == [
        (
            "2:32 missing-grant `a`: permission denied for schema hidden (on main) |"
            f' as its owner: grant usage on schema hidden to "{minimal_role}";'
        )
    ]
    grant = said("check: a\nsql: select 1 as x\nwarning: x > 5\nrequires: {grant: pg_signal_backend}\n", minimal_role)
    assert [line.split(" ", 3)[:2] for line in grant] == [["4:11", "missing-grant"]]


def test_a_server_that_is_away_is_one_complaint(said: Said) -> None:
    targets = """targets:
  main: {}
  away: {host: 127.0.0.1, port: 1, dbname: x, user: u, connect_timeout: 2}
"""
    jobs = "sql: select oops as x\nwarning: x > 5\njobs:\n  - check: a\n  - check: b\n"
    found = said(jobs, targets=targets)
    assert [line.split(" ")[:2] for line in found] == [
        ["1:13", "sql-error"],
        ["1:13", "sql-error"],
        ["3:3", "target-unreachable"],
    ]
    assert "`a`: column" in found[0]
    assert "target away: cannot connect to 127.0.0.1:1/x" in found[2]


def test_databases_that_say_the_same_are_named_together(said: Said, database: Database) -> None:
    targets = f"targets: {{main: {{databases: {{include: ['{database.name}', template1, postgres]}}}}}}\n"
    job = "check: a\nfor_each: database\nsql: select oops as x\nwarning: x > 5\n"
    [line] = said(job, targets=targets)
    assert line.startswith('3:13 sql-error `a`: column "oops" does not exist (on main/')
    assert all(f"main/{name}" in line for name in (database.name, "postgres", "template1"))


def test_nothing_is_run(said: Said, database: Database) -> None:
    database.execute("create sequence s")
    job = """check: a
sql: select nextval('s') as x
detail: select nextval('s')
warning: x > 5
"""
    assert said(job) == []
    assert database.value("select is_called from s") is False


def test_passwords_are_not_told(said: Said) -> None:
    targets = "targets: {main: {host: 127.0.0.1, port: 1, password: hunter22, connect_timeout: 2}}\n"
    assert "hunter22" not in "".join(said("check: a\nsql: select 1 as x\nwarning: x > 5\n", targets=targets))


def test_the_catalogue_is_right_on_this_server(said: Said, database: Database, minimal_role: str) -> None:
    registry = PluginHost({}, no_plugins=True).registry()
    catalogue = load_catalogue(shipped("checks.d").parent, registry, Checker(checks_schema(registry)))
    jobs = "".join(f"  - use: {name}\n" for name in catalogue.entries)
    assert len(catalogue.entries) > 10
    found = said(f"jobs:\n{jobs}", minimal_role)
    blind = {line.split("`")[1] for line in found if " missing-grant " in line}
    assert blind == {"configuration-errors", "md5-passwords"}, found
    assert len(found) == len(blind), "what pg_monitor cannot see, and nothing else"
