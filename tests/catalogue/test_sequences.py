"""The checks of sequences: their end in either direction, the column's own end, and numbers that may not be read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from runner.demo.embedded import Server
from tests.catalogue.frame import Case, Plant
from tests.catalogue.together import examine_apart, stay_calm_apart
from tests.catalogue.uses import Calm, becomes, homes, told
from tests.postgres import Database

EXHAUSTION = "pg.sequence-exhaustion"


def made(*statements: str, readable: bool = True) -> Plant:
    """Runs the statements, and lets every role read the sequences."""

    def plant(stack: ExitStack, server: Server, database: Database) -> None:
        database.execute(*statements)
        if readable:
            database.execute("grant select on all sequences in schema public to public")

    return plant


SERIAL = ("create table t (id smallserial primary key)", "select setval('t_id_seq', 32000)")
BIGINT_INTO_INTEGER = (
    "create domain key as int", "create sequence s as bigint", "create table t (id key default nextval('s'))",
    "select setval('s', 2100000000)",
)  # fmt: skip
PARTITIONS = (
    "create sequence s as bigint", "create table p (id int default nextval('s')) partition by range (id)",
    "create table p1 partition of p for values from (0) to (9)", "create table p2 partition of p for values from (9) to (99)",
    "select setval('s', 2100000000)",
)  # fmt: skip
IDENTITY = (
    "create table t (id int generated always as identity (increment -2 minvalue -1000 maxvalue 1000 start 1000))",
    "select setval('t_id_seq', -980)",
)  # fmt: skip
CYCLE = (
    "create sequence s maxvalue 100 cycle",
    "create table t (id int default nextval('s'))",
    "select setval('s', 99)",
)

CASES = {
    "smallserial": Case(
        check=EXHAUSTION, plant=made(*SERIAL), state="critical",
        says="public.t_id_seq, for t.id, has used 97.7 % of its numbers; 767 numbers left before the column's type ends",
    ),
    "a bigint sequence of an integer column": Case(
        check=EXHAUSTION, plant=made(*BIGINT_INTO_INTEGER), state="critical", says="public.s, for t.id, has used 97.8 %"
    ),
    "the sequence of many partitions": Case(
        check=EXHAUSTION, plant=made(*PARTITIONS), state="critical", says="public.s, for p.id, has used 97.8 %"
    ),
    "a descending identity": Case(
        check=EXHAUSTION, plant=made(*IDENTITY), state="critical", says="public.t_id_seq, for t.id, has used 99 %"
    ),
    "a warning": Case(
        check=EXHAUSTION, plant=made("create sequence s maxvalue 1000", "select setval('s', 810)"), state="warning",
        says="public.s has used 81 % of its numbers; 190 numbers left",
    ),
    "not readable": Case(
        check=EXHAUSTION, state="critical", says="public.t_id_seq", minimal="unknown",
        plant=made(*SERIAL, readable=False),
    ),
    "a cycle in a unique column": Case(
        check="pg.cycling-sequences", state="warning", says="public.s starts over when it ends, and fills a unique column of t",
        plant=made(*CYCLE, "create unique index on t (id)"),
    ),
}  # fmt: skip
CALM = {
    "a cycle in a plain column": Calm(check="pg.cycling-sequences", plant=made(*CYCLE)),
    "a cycle has no end": Calm(check=EXHAUSTION, plant=made(*CYCLE)),
    "a start in the middle": Calm(
        check=EXHAUSTION, plant=made("create sequence s minvalue -1000 maxvalue 1000 start -1000", "select setval('s', -500)")
    ),
    "descending and new": Calm(
        check=EXHAUSTION, plant=made("create sequence s increment -1 minvalue -1000 maxvalue -1", "select setval('s', -10)")
    ),
    "never used": Calm(check=EXHAUSTION, plant=made("create sequence s maxvalue 1000")),
    "no sequence": Calm(check=EXHAUSTION, plant=made("select 1")),
}  # fmt: skip


@pytest.mark.quick
def test_loud_when_not_healthy(tmp_path: Path, patient: Server) -> None:
    examine_apart(CASES, tmp_path, patient)


@pytest.mark.quick
def test_quiet_when_nothing_is_wrong(tmp_path: Path, patient: Server) -> None:
    stay_calm_apart(CALM, tmp_path, patient)


def test_what_may_not_be_read_names_the_grant(tmp_path: Path, patient: Server, database: Database) -> None:
    database.execute(
        'create schema "My app"', 'create sequence "My app".s maxvalue 1000', "create sequence readable maxvalue 1000",
        "select setval('readable', 990)", "grant usage on readable to minimal",
    )  # fmt: skip
    uses = homes(tmp_path, patient, database.name, EXHAUSTION)
    found = becomes(uses["minimal"], "critical")
    assert "public.readable has used 99 %" in told(found)
    grant = 'grant select on all sequences in schema "My app" to minimal'
    assert f"1 sequence in My app cannot be judged: {grant}" in told(found)
    database.execute(grant)
    assert "cannot be judged" not in told(uses["minimal"].look())
    few = homes(tmp_path / "few", patient, database.name, EXHAUSTION, params={"max_sequences": 1}, critical=False)
    assert "1 sequence cannot be judged: raise max_sequences" in told(few["postgres"].look())


def test_a_locked_sequence_is_not_waited_for(tmp_path: Path, patient: Server, database: Database) -> None:
    made("create sequence s maxvalue 1000", "create sequence other maxvalue 1000", "select setval('other', 850)")(
        ExitStack(), patient, database
    )
    with database.session("begin", "alter sequence s restart with 5"):
        for role, use in homes(tmp_path, patient, database.name, EXHAUSTION, lock_timeout="30s").items():
            found = use.look()
            assert "public.s is locked by somebody who changes it" in told(found), role
            assert "public.other has used 85 %" in told(found)


def test_the_trend_of_a_month(
    tmp_path: Path, own_numbers: Callable[[int], None], patient: Server, database: Database
) -> None:
    for use in homes(tmp_path, patient, database.name, EXHAUSTION).values():
        for day, value in ((5, 60_000), (12, 62_000), (19, 64_000)):
            own_numbers(value)
            assert use.look("--now", f"2026-03-{day:02}T03:00Z")["state"] == "learning"
        own_numbers(70_000)
        found = use.look("--now", "2026-03-26T03:00Z")
        assert (found["state"], "public.s has used 70 %" in told(found)) == ("warning", True)


@pytest.fixture
def own_numbers(database: Database) -> Callable[[int], None]:
    """Sets a sequence that ends at 100,000."""
    made("create sequence s maxvalue 100000")(ExitStack(), None, database)  # type: ignore[arg-type]

    def jump(value: int) -> None:
        database.execute(f"select setval('s', {value})")

    return jump
