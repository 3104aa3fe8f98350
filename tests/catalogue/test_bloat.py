"""The checks of bloat: real waste is found, what only looks like waste is not, and what cannot be seen is unknown."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from runner.demo.embedded import Server
from tests.catalogue.frame import Case, Plant, examine
from tests.catalogue.together import examine_apart, stay_calm_apart
from tests.catalogue.uses import ROLES, Calm, homes, told
from tests.catalogue.witness import shows
from tests.postgres import Database

SMALL: dict[str, object] = {"params": {"min_size": "64kB", "warn_waste": "64kB"}}
TINY: dict[str, object] = {"params": {"min_size": "64kB", "warn_waste": "64kB", "critical_waste": "128kB"}}
GRANT = "grant select on all tables in schema public to public"
TABLE = (
    "create table t (id int primary key, v text)",
    "insert into t select n, md5(n::text) from generate_series(1, 9000) n",
)
CLEANED = ("delete from t where id % 10 > 0", "vacuum t", "analyze t")
OUTSIDE = (
    "create table t (id int, v text)", "alter table t alter v set storage external",
    "insert into t select n, repeat('x', 2500) from generate_series(1, 600) n",
)  # fmt: skip
LOOKS_BLOATED = (
    "create table padded (a int, b bigint, c int)", "insert into padded select n, n, n from generate_series(1, 9000) n",
    "create table half (a int, b text) with (fillfactor = 50)",
    "insert into half select n, md5(n::text) from generate_series(1, 9000) n",
    "create table nulls (a int, b text, c bigint, d text)",
    "insert into nulls select n, case when n % 3 = 0 then md5(n::text) end, null, 'abc' from generate_series(1, 9000) n",
    "create table wide (a int, b text)", "alter table wide alter b set storage plain",
    "insert into wide select n, repeat('x', 3000) from generate_series(1, 200) n",
    "create index on padded (a)", "create index on padded (b, a)", "create index on nulls (b)", "create index on nulls (c)",
    "create index on half (b)", "create index on half (lower(b), a) with (fillfactor = 50)",
    "create table toasted (a int, b text)", "alter table toasted alter b set storage external",
    "insert into toasted select n, repeat('x', 1990) || repeat('y', 1990) from generate_series(1, 200) n",
    "vacuum", "analyze",
)  # fmt: skip


def made(*statements: str) -> Plant:
    def plant(stack: ExitStack, server: Server, database: Database) -> None:
        database.execute(*statements)

    return plant


CASES = {
    "a bloated table": Case(
        check="pg.table-bloat", plant=made(*TABLE, *CLEANED, GRANT), state="warning", says="public.t: about", values=SMALL
    ),
    "a bloated table of somebody else": Case(
        check="pg.table-bloat", plant=made(*TABLE, *CLEANED), state="critical", says="public.t: about", values=TINY,
        minimal="unknown",
    ),
    "bloated TOAST": Case(
        check="pg.table-bloat", plant=made(*OUTSIDE, *CLEANED, GRANT), state="warning", values=SMALL,
        says="most of it in its TOAST table",
    ),
    "a bloated index": Case(
        check="pg.index-bloat", plant=made(*TABLE, *CLEANED), state="critical", says="public.t_pkey on t: about", values=TINY
    ),
    "a bloated index of text": Case(
        check="pg.index-bloat", plant=made(*TABLE, "alter table t drop constraint t_pkey", "create index i on t (v)", *CLEANED),
        state="warning", says="public.i on t: about", values=SMALL, minimal="unknown",
    ),
}  # fmt: skip
EXACT = {
    "a bloated table": Case(
        check="pg.table-bloat-exact", plant=made("create extension pgstattuple", *TABLE, *CLEANED), state="warning",
        says="public.t (", values=SMALL, quiet=frozenset({"skipped"}),
    ),
    "dead rows that nobody vacuumed": Case(
        check="pg.table-bloat-exact", plant=made("create extension pgstattuple", *TABLE, "vacuum t", CLEANED[0]),
        state="warning", says="of that are dead ones", values=SMALL, quiet=frozenset({"skipped"}),
    ),
    "a bloated index": Case(
        check="pg.index-bloat-exact", plant=made("create extension pgstattuple", *TABLE, *CLEANED), state="warning",
        says="public.t_pkey on t (", values=SMALL, quiet=frozenset({"skipped"}),
    ),
}  # fmt: skip
MEASURED = ("pg.table-bloat-exact", "pg.index-bloat-exact")
CALM = {
    "tables that only look bloated": Calm(check="pg.table-bloat", plant=made(*LOOKS_BLOATED, GRANT), values=SMALL),
    "small tables": Calm(check="pg.table-bloat", plant=made(*TABLE, *CLEANED, GRANT)),
}


@pytest.mark.quick
def test_loud_when_not_healthy(tmp_path: Path, patient: Server) -> None:
    examine_apart(CASES, tmp_path, patient)


@pytest.mark.quick
def test_quiet_when_nothing_is_wrong(tmp_path: Path, patient: Server) -> None:
    stay_calm_apart(CALM, tmp_path, patient)


@pytest.fixture
def pgstattuple(database: Database) -> None:
    if not database.value("select count(*) from pg_available_extensions where name = 'pgstattuple'"):
        pytest.skip("this PostgreSQL comes without pgstattuple")


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.usefixtures("pgstattuple")
def test_measured_when_not_healthy(tmp_path: Path, patient: Server, database: Database, name: str) -> None:
    examine(EXACT[name], tmp_path, patient, database)


@pytest.mark.parametrize("check", MEASURED)
def test_without_the_extension_nothing_is_measured(
    tmp_path: Path, patient: Server, database: Database, check: str
) -> None:
    for role, use in homes(tmp_path, patient, database.name, check).items():
        found = use.look()
        assert (found["state"], "the extension pgstattuple is not installed" in found["summary"]) == (
            "skipped",
            True,
        ), role


@pytest.mark.usefixtures("pgstattuple")
@shows("pg.table-bloat-exact", "pg.index-bloat-exact", loud=False)
def test_measured_and_locked_or_costly(tmp_path: Path, patient: Server, database: Database) -> None:
    database.execute("create schema tools", "create extension pgstattuple schema tools", "grant usage on schema tools to public",
                     *LOOKS_BLOATED)  # fmt: skip
    values: dict[str, object] = {"params": {"min_size": "64kB", "warn_waste": "64kB", "extension_schema": "tools"}}
    roles = ROLES[:2]
    for check in MEASURED:
        for role, use in homes(tmp_path / check, patient, database.name, check, roles=roles, **values).items():
            assert use.look()["state"] == "ok", (check, role)
    with database.session("begin", "lock table half in access exclusive mode"):
        for check in MEASURED:
            for use in homes(
                tmp_path / check, patient, database.name, check, roles=roles, lock_timeout="30s", **values
            ).values():
                found = use.look()
                assert (found["state"], "is locked and was not measured" in told(found)) == ("unknown", True)
    database.execute("update padded set a = a + 1")
    database.execute("analyze")
    values["params"] = {"min_size": "64kB", "extension_schema": "tools", "max_read": "100kB"}
    for use in homes(
        tmp_path / "costly", patient, database.name, "pg.table-bloat-exact", roles=roles, **values
    ).values():
        found = use.look()
        assert (found["state"], "public.padded" in told(found), "more than 100kB" in told(found)) == (
            "unknown",
            True,
            True,
        )


def test_indexes_that_only_look_bloated(tmp_path: Path, patient: Server, database: Database) -> None:
    """The first look has no past to compare with; the second has."""
    database.execute(*LOOKS_BLOATED)
    uses = homes(tmp_path, patient, database.name, "pg.index-bloat", **SMALL)
    assert [use.look("--now", "2026-03-01T03:00Z")["state"] for use in uses.values()] == [
        "learning",
        "unknown",
        "unknown",
    ]
    assert uses["postgres"].look("--now", "2026-03-02T03:00Z")["state"] == "ok"
    assert "3 large indexes on columns of varying width" in told(uses["minimal"].look())


def test_an_index_of_duplicates_against_its_own_past(tmp_path: Path, patient: Server, database: Database) -> None:
    """Duplicates make an index so small that no estimate sees its waste; its own past does."""
    database.execute("create table t (id int, v int)", "insert into t select n, n % 5 from generate_series(1, 60000) n",
                     "create index i on t (v)", "vacuum t", "analyze t")  # fmt: skip
    uses = homes(tmp_path, patient, database.name, "pg.index-bloat", **SMALL)
    for use in uses.values():
        assert use.look("--now", "2026-03-01T03:00Z")["state"] == "learning"
    database.execute("delete from t where id % 4 > 0", "vacuum t", "analyze t")
    for role, use in uses.items():
        found = use.look("--now", "2026-03-20T03:00Z")
        assert (found["state"], "public.i on t" in told(found)) == ("warning", True), role


def test_a_table_without_statistics(tmp_path: Path, patient: Server, database: Database) -> None:
    """Vacuum counts pages and rows; how wide the rows are only analyze knows."""
    database.execute("create table t as select n, md5(n::text) as v from generate_series(1, 9000) n", "create index on t (v)",
                     "vacuum t", GRANT)  # fmt: skip
    for check in ("pg.table-bloat", "pg.index-bloat"):
        for role, use in homes(tmp_path / check, patient, database.name, check, **SMALL).items():
            assert use.look()["state"] == "unknown", (check, role)


def test_the_grant_is_named(tmp_path: Path, patient: Server, database: Database) -> None:
    database.execute('create schema "My app"', 'create table "My app".t as select n, md5(n::text) from generate_series(1, 9000) n',
                     'analyze "My app".t')  # fmt: skip
    (use,) = homes(tmp_path, patient, database.name, "pg.table-bloat", roles=("minimal",), **SMALL).values()
    found = use.look()
    assert 'grant select on "My app".t to minimal' in told(found)
    database.execute('grant select on "My app".t to minimal')
    assert use.look()["state"] == "ok"
