"""The catalogue's checks of the schema."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from runner.demo.embedded import Server
from tests.catalogue.frame import Case, Plant
from tests.catalogue.structure import area, run_area, settle, sound, states, write_area
from tests.catalogue.together import examine_apart
from tests.catalogue.witness import shows
from tests.postgres import Database, eventually
from tests.shipped.support import Use

USERS = ("postgres", "minimal", "nobody")
KEYS = (
    "create table r (id bigint primary key)",
    "create table pair (a int, b int, primary key (a, b))",
)


def made(*statements: str) -> Plant:
    """A fault that plain statements make."""

    def plant(stack: ExitStack, server: Server, database: Database) -> None:
        settle(database, *statements)

    return plant


def ended(default: str = "") -> Plant:
    """Monthly partitions of which the last one ended two days ago."""
    return made(
        "create table logs (ts timestamptz not null) partition by range (ts)",
        "do $$begin execute format('create table l1 partition of logs for values from (%L) to (%L)', "
        "current_date - 32, current_date - 2); end$$",
        *([default] if default else []),
    )


def case(check: str, plant: Plant, state: str, says: str, **values: object) -> Case:
    return Case(check=f"pg.{check}", plant=plant, state=state, says=says, values=values)


CASES: dict[str, Case] = {
    "no primary key": case(
        "tables-without-primary-key", made("create schema s", "create table s.heap (id int)"), "warning",
        "s.heap has no primary key",
    ),
    "a partitioned table without a key, counted once": case(
        "tables-without-primary-key",
        made(
            'create schema "od.d"', 'create table "od.d"."P" (id int) partition by list (id)',
            'create table p1 partition of "od.d"."P" for values in (1)', "insert into p1 values (1)", "vacuum p1",
        ),
        "warning", "od.d.P has no primary key (about 8.0 kB)",
    ),
    "published without an identity": Case(
        check="pg.published-tables-without-replica-identity", state="critical", quiet=frozenset({"skipped"}),
        plant=made("create table log (at timestamptz)", "create publication everything for all tables"),
        says="public.log is published by everything and has no replica identity: updates and deletes fail",
    ),
    "a deferrable key is no identity": Case(
        check="pg.published-tables-without-replica-identity", state="critical", quiet=frozenset({"skipped"}),
        plant=made(
            "create table p (id int, primary key (id) deferrable) partition by list (id)",
            "create table p1 partition of p for values in (1)", "create publication one for table p",
        ),
        says="public.p is published by one and has no replica identity in 1 partition",
    ),
    "not valid": case(
        "unvalidated-constraints", made("create table t (n int)", 'alter table t add constraint "P" check (n > 0) not valid'),
        "warning", "public.t: the check constraint P is not valid",
    ),
    "a foreign key that is not valid": case(
        "unvalidated-constraints", made(*KEYS, "create table t (r bigint)",
                                        "alter table t add foreign key (r) references r not valid"),
        "warning", "public.t: the foreign key constraint t_r_fkey is not valid",
    ),
    "a domain that is not valid": case(
        "unvalidated-constraints", made("create domain d as int", "alter domain d add check (value > 0) not valid"),
        "warning", "public.d: the check constraint d_check is not valid",
    ),
    "a disabled trigger, and its clone in a partition": case(
        "disabled-triggers",
        made(
            "create table p (id int) partition by list (id)", "create table p1 partition of p for values in (1)",
            "create function f() returns trigger language plpgsql as 'begin return new; end'",
            "create trigger audit after insert on p for each row execute function f()", "alter table p disable trigger audit",
        ),
        "warning", "public.p: the trigger audit is disabled",
    ),
    "a foreign key that is not enforced": case(
        "disabled-triggers", made(*KEYS, "create table t (r bigint references r)", "alter table t disable trigger all"),
        "critical", "public.t: the constraint t_r_fkey is not enforced",
    ),
    "a disabled event trigger": case(
        "disabled-triggers",
        made("create function e() returns event_trigger language plpgsql as 'begin end'",
             "create event trigger guard on sql_drop execute function e()", "alter event trigger guard disable"),
        "warning", "the event trigger guard is disabled",
    ),
    "unlogged": case("unlogged-tables", made("create unlogged table cache (id int)"), "warning", "public.cache (about 0 B) is unlogged"),
    "half of the numbers": case(
        "integer-key-overflow", made("create table t (id smallint primary key)", "insert into t select generate_series(1, 17000)"),
        "warning", "public.t.id is smallint, and the table has 17,000 rows: at least 51.9 %",
    ),
    "most of the numbers, in partitions": case(
        "integer-key-overflow",
        made("create table p (id smallint primary key) partition by range (id)",
             "create table p1 partition of p for values from (0) to (20000)",
             "create table p2 partition of p for values from (20000) to (32767)", "insert into p select generate_series(1, 27000)"),
        "critical", "public.p.id is smallint, and the table has 27,000 rows",
    ),
    "a changed schema": case(
        "schema-changes", made("create table t (id int primary key)"), "warning", "tables changed since the last run: 1 now, +1"
    ),
    "two foreign keys": case(
        "duplicate-foreign-keys",
        made(*KEYS, "create table t (a int, b int, constraint k1 foreign key (a, b) references pair, "
                    "constraint k2 foreign key (b, a) references pair (b, a))"),
        "warning", "public.t: k2 and k1 both refer to pair",
    ),
    "another type": case(
        "foreign-key-types", made(*KEYS, "create table t (r int references r)"), "warning",
        "public.t.r is integer and refers to r.id, which is bigint",
    ),
    "a null switches it off": case(
        "foreign-keys-with-nulls", made(*KEYS, "create table t (a int not null, b int, foreign key (a, b) references pair)"),
        "warning", "public.t: t_a_b_fkey (to pair) does not hold where b is null",
    ),
    "nested views": case(
        "nested-views",
        made("create view v1 as select 1 as x", *(f"create view v{n} as select * from v{n - 1}" for n in range(2, 5))),
        "warning", "public.v4 is a view over views, 4 deep", params={"max_depth": 3},
    ),
    "types": case(
        "discouraged-types", made("create table t (a timestamp, b timestamp, c char(3))"), "warning",
        "2 columns of type timestamp without time zone, the first is public.t.a",
    ),
    "names": case("awkward-names", made('create table t ("user" int)'), "warning", "the column public.t.user needs quotes"),
    "a name that was cut off": case(
        "awkward-names", made(f"create table {'a' * 70} (id int)"), "warning", "has 63 bytes and was probably cut off"
    ),
    "no partition for today": case("partitions-ahead", ended(), "critical", "public.logs has partitions until"),
    "no partition for today, but a default one": case(
        "partitions-ahead", ended("create table l2 partition of logs default"), "warning", "goes to the default partition"
    ),
    "a gap": case(
        "partitions-ahead",
        made("create table days (d date primary key) partition by range (d)",
             *(f"do $$begin execute format('create table d{n} partition of days for values from (%L) to (%L)', "
               f"current_date + {n}, current_date + {n + 1}); end$$" for n in (0, 1, 3, 4, 5, 6))),
        "warning", "public.days has partitions until", params={"warn_ahead": "7d"},
    ),
    "rows in a default partition": case(
        "default-partition-rows",
        made("create table p (id int) partition by list (id)", "create table rest partition of p default", "insert into p values (1)"),
        "warning", "public.rest, the default partition of p, holds 1 rows",
    ),
    "many partitions": case(
        "relation-count",
        made("create table p (id int) partition by list (id)",
             *(f"create table p{n} partition of p for values in ({n})" for n in range(3))),
        "warning", "the most partitions (3) has p", params={"max_tables": 20000, "max_partitions": 2},
    ),
}  # fmt: skip


@pytest.mark.quick
def test_loud_for_everybody_who_may_look(tmp_path: Path, patient: Server) -> None:
    examine_apart(CASES, tmp_path, patient)


@shows("pg.published-tables-without-replica-identity", loud=False)
def test_a_sound_database_is_quiet(tmp_path: Path, patient: Server, database: Database) -> None:
    with sound(database):
        for user in ("postgres", "nobody"):
            values = {"pg.awkward-names": {"except": [{"schema": "od.d"}, {"name": "code"}]}, "pg.nested-views": {}}
            home = write_area(tmp_path / user, patient.options("ward", user), "schema", values)
            found = run_area(home)
            loud = {
                "pg.schema-changes": "learning",
                "pg.tables-without-primary-key": "warning",
            }
            assert states(found) == {**dict.fromkeys(area("schema"), "ok"), **loud}, found
            keyless = [finding["row"][-1] for finding in found["pg.tables-without-primary-key"]["findings"]]
            assert sorted(keyless) == ["log", "nothing"]


@pytest.mark.parametrize("user", USERS)
def test_nothing_waits_for_a_lock(tmp_path: Path, patient: Server, database: Database, user: str) -> None:
    settle(
        database,
        "create table p (ts timestamptz) partition by range (ts)",
        "create table p1 partition of p for values from ('2020-01-01') to ('2100-01-01')",
        "create table rest partition of p default",
        "insert into rest values ('2101-01-01')",
        "create table t (id smallint primary key, v money)",
        "create publication everything for all tables",
    )
    home = write_area(tmp_path, patient.options("ward", user), "schema")
    before = states(eventually(lambda: _with(run_area(home), "pg.default-partition-rows", "warning"), what="the row"))
    with database.session("begin", "lock table p, t in access exclusive mode"):
        locked = run_area(home)
    assert states(locked) == before | {
        "pg.partitions-ahead": "unknown", "pg.default-partition-rows": "warning", "pg.schema-changes": "ok",
    }, locked  # fmt: skip
    assert "a partition is locked exclusively" in locked["pg.partitions-ahead"]["findings"][0]["message"]


def _with(found: dict[str, Any], check: str, state: str) -> Any:
    return found if found[check]["state"] == state else None


@pytest.mark.parametrize("user", USERS)
def test_a_default_partition_without_statistics(tmp_path: Path, patient: Server, database: Database, user: str) -> None:
    settle(
        database,
        "create table p (id int) partition by list (id)",
        "create table rest partition of p default",
        "insert into p values (1)",
    )
    use = Use(tmp_path, patient.options("ward", user))
    use.write("pg.default-partition-rows")
    eventually(lambda: use.look()["state"] == "warning", what="the count")
    database.execute("select pg_stat_reset()")
    eventually(lambda: use.look()["state"] == "unknown", what="the reset")
    database.execute("truncate p")
    assert use.look()["state"] == "ok"


@pytest.mark.pg(">=18")
def test_a_constraint_that_is_not_enforced_is_not_meant_to_be_valid(
    tmp_path: Path, patient: Server, database: Database
) -> None:
    database.execute("create table t (a int, b int)", "alter table t add check (a > 0) not enforced")
    use = Use(tmp_path, patient.options("ward"))
    use.write("pg.unvalidated-constraints")
    assert use.look()["state"] == "ok"
    database.execute("alter table t add constraint present not null b not valid")
    found = use.look()
    assert [finding["message"] for finding in found["findings"]] == [
        "public.t: the not null constraint present is not valid"
    ]


@pytest.mark.pg(">=15")
def test_a_schema_is_published_with_its_tables(tmp_path: Path, patient: Server, database: Database) -> None:
    database.execute("create schema s", "create publication several for tables in schema s")
    use = Use(tmp_path, patient.options("ward"))
    use.write("pg.published-tables-without-replica-identity")
    assert use.look()["state"] == "ok"
    database.execute("create table s.log (at timestamptz)")
    assert use.look()["state"] == "critical"


@pytest.mark.parametrize("user", USERS)
@shows("pg.storage-parameters", loud=False)
def test_settings_of_single_tables_are_shown(tmp_path: Path, patient: Server, database: Database, user: str) -> None:
    database.execute("create table t (v text) with (fillfactor = 70, toast.autovacuum_enabled = off)")
    use = Use(tmp_path, patient.options("ward", user))
    use.write("pg.storage-parameters")
    found = use.look()
    assert (found["state"], found["tables"][0]["rows"]) == (
        "ok",
        [["public", "t", "fillfactor=70, toast.autovacuum_enabled=off"]],
    )
