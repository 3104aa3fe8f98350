"""Transaction ids: databases and tables that are too old, what holds the horizon, transactions with many savepoints."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from runner.demo.embedded import Server
from tests.catalogue.frame import Case, examine, run_in
from tests.catalogue.together import examine_together
from tests.catalogue.witness import shows
from tests.postgres import Database
from tests.shipped.support import Use

# The counter has 32 bits; the cast to xid takes text only.
BACK = "((txid_current() - {} + 4294967296) % 4294967296)::text::xid"
MULTIXACT_BACK = BACK.replace("txid_current()", "(select next_multixact_id::text::bigint from pg_control_checkpoint())")
QUICK: dict[str, object] = {"params": {"warn_after": "1ms"}}
FEW: dict[str, object] = {"params": {"warn_xids": 20, "critical_xids": 100000}}


def database_age(database: Database, age: int, column: str = "datfrozenxid", name: str = "ward") -> None:
    back = BACK if column == "datfrozenxid" else MULTIXACT_BACK
    database.execute(f"update pg_database set {column} = {back.format(age)} where datname = '{name}'")


def old_database(stack: ExitStack, server: Server, database: Database) -> None:
    database_age(database, 1_900_000_000)


def closed_database(stack: ExitStack, server: Server, database: Database) -> None:
    """Nobody can connect to it, and its ids count all the same."""
    run_in(server, "create database closed")
    stack.callback(lambda: run_in(server, "drop database closed with (force)"))
    run_in(server, "alter database closed allow_connections false")
    database_age(database, 1_000_000_000, name="closed")


def half_dropped_database(stack: ExitStack, server: Server, database: Database) -> None:
    run_in(server, "create database half", "update pg_database set datconnlimit = -2 where datname = 'half'")
    stack.callback(lambda: run_in(server, "drop database half"))
    database_age(database, 250_000_000, name="half")


def old_multixacts(stack: ExitStack, server: Server, database: Database) -> None:
    run_in(server, "create database shared")
    stack.callback(lambda: run_in(server, "drop database shared with (force)"))
    database_age(database, 1_000_000_000, column="datminmxid", name="shared")


def from_the_future(stack: ExitStack, server: Server, database: Database) -> None:
    run_in(server, "create database damaged")
    stack.callback(lambda: run_in(server, "drop database damaged with (force)"))
    database_age(database, -50_000, name="damaged")


def old_tables(stack: ExitStack, server: Server, database: Database) -> None:
    """One by its own limit, one by its TOAST, a temporary one of another session; and those that are not late."""
    database.execute(
        'create schema if not exists "Odd.One"',
        'create table "Odd.One"."Own" (id int) with (autovacuum_freeze_max_age = 100000)',
        "create table wide (v text)",
        "create table young (id int) with (autovacuum_freeze_max_age = 100000)",
        "create table parted (id int) partition by range (id)",
        "create table part partition of parted for values from (1) to (2)",
    )
    stack.enter_context(database.session("create temp table mine (id int)"))
    for table, age in {"Own": 120_000, "young": 90_000, "part": 210_000_000, "mine": 320_000_000}.items():
        database.execute(f"update pg_class set relfrozenxid = {BACK.format(age)} where relname = '{table}'")
    database.execute(
        f"update pg_class set relfrozenxid = {BACK.format(230_000_000)}"
        " where oid = (select reltoastrelid from pg_class where relname = 'wide')"
    )


def burn(database: Database, count: int) -> None:
    with database.session() as session:
        for _ in range(count):
            session.execute("select txid_current()")


def snapshot(stack: ExitStack, server: Server, database: Database) -> None:
    stack.enter_context(database.session("begin isolation level repeatable read", "select 1"))
    burn(database, 40)


def prepared(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute(
        "create table done (id int)", "begin", "insert into done values (1)", "prepare transaction 'it''s'"
    )
    stack.callback(lambda: database.execute("rollback prepared 'it''s'"))
    burn(database, 40)


def slot(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute("select pg_create_logical_replication_slot('reader', 'pgoutput')")
    stack.callback(lambda: database.execute("select pg_drop_replication_slot('reader')"))
    burn(database, 40)


def savepoints(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute("create table many (n int)")
    session = stack.enter_context(database.session("begin"))
    session.execute(
        "do $$ begin for n in 1..100 loop begin insert into many values (n); exception when others then null; end;"
        " end loop; end $$"
    )


CASES = {
    # First: a logical slot waits for every transaction that is open when it is made.
    "slot": Case(check="pg.xmin-horizon", plant=slot, state="warning", values=FEW, says="slot reader (not read by anybody)"),
    "old database": Case(
        check="pg.transaction-id-age", plant=old_database, state="critical", says="ward: the oldest transaction id is 1,900,"
    ),
    "closed database": Case(
        check="pg.transaction-id-age", plant=closed_database, state="critical", says="closed: the oldest transaction id is 1,000,"
    ),
    "old multixacts": Case(
        check="pg.transaction-id-age", plant=old_multixacts, state="critical", says="the oldest multixact 1,000,000,000"
    ),
    "from the future": Case(
        check="pg.transaction-id-age", plant=from_the_future, state="critical", says="damaged: the oldest transaction id is -"
    ),
    "late with freezing": Case(
        check="pg.freeze-max-age", plant=half_dropped_database, state="critical", says="half: 250,"
    ),
    "late with multixacts": Case(
        check="pg.freeze-max-age", plant=old_multixacts, state="critical", says="1,000,000,000 multixacts of 400,000,000"
    ),
    "table with its own limit": Case(
        check="pg.table-freeze-max-age", plant=old_tables, state="critical", says="Odd.One.Own: 120,"
    ),
    "TOAST": Case(check="pg.table-freeze-max-age", plant=old_tables, state="critical", says="public.wide (TOAST): 230,"),
    "temporary": Case(check="pg.table-freeze-max-age", plant=old_tables, state="critical", says="mine (temporary): 320,"),
    "snapshot": Case(check="pg.xmin-horizon", plant=snapshot, state="warning", values=FEW, says="(postgres in ward, idle in transaction) holds"),
    "prepared transaction": Case(check="pg.xmin-horizon", plant=prepared, state="warning", values=FEW, says="transaction it's (postgres in ward)"),
    "short snapshot": Case(check="pg.xmin-horizon", plant=snapshot, state="ok", says="of the horizon, the oldest"),
}  # fmt: skip
MANY_SAVEPOINTS = Case(
    check="pg.subtransaction-overflow", plant=savepoints, state="warning", values=QUICK,
    says="more than 64 subtransactions in a transaction",
)  # fmt: skip


@pytest.mark.quick
def test_they_are_seen_by_whoever_may_and_never_called_well(
    tmp_path: Path, patient: Server, database: Database
) -> None:
    examine_together(CASES, tmp_path, patient, database)


@pytest.mark.pg(">=16")
@shows("pg.subtransaction-overflow")
def test_a_transaction_with_many_savepoints(tmp_path: Path, patient: Server, database: Database) -> None:
    examine(MANY_SAVEPOINTS, tmp_path, patient, database)


def test_before_16_nobody_can_see_savepoints(tmp_path: Path, patient: Server, database: Database) -> None:
    use = Use(tmp_path / "home", patient.options("ward"))
    use.write("pg.subtransaction-overflow")
    assert use.look()["state"] == ("ok" if patient.major >= 16 else "skipped")


def test_only_tables_that_are_late_are_told(tmp_path: Path, patient: Server, database: Database) -> None:
    use = Use(tmp_path / "home", {**patient.options("postgres"), "dbname": "ward"})
    use.write("pg.table-freeze-max-age")
    with ExitStack() as stack:
        old_tables(stack, patient, database)
        said = use.look()
    told = sorted(finding["row"][1] for finding in said["findings"] if finding["database"] == "ward")
    assert told == ["Own", "mine", "wide"]
    hints = {finding["row"][1]: finding["hint"] for finding in said["findings"]}
    assert hints["Own"] == 'vacuum (freeze, verbose) "Odd.One"."Own"'
    assert hints["mine"] == "end the session that made it"


@shows("pg.transaction-id-forecast")
def test_the_forecast_follows_what_was_seen(tmp_path: Path, patient: Server, database: Database) -> None:
    """300 million a day are 4 days from the end."""
    use = Use(tmp_path / "home", patient.options("ward"))
    use.write("pg.transaction-id-forecast")
    states = []
    for day, age in enumerate((50, 350, 650, 950), start=1):
        database_age(database, age * 1_000_000)
        said = use.look("--now", f"2026-03-{day:02}T03:00Z")
        states.append(said["state"])
    assert states == ["ok", "learning", "learning", "critical"]
    assert "ward: 950," in said["findings"][0]["message"]
