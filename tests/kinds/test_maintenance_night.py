"""A whole night: 500 small tables and some big ones with planted need, and everything that may stand in the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import time as hour, timedelta

import pytest

from runner.api import Memory, Outcome, Problem, Series, State
from runner.model.job import Window
from tests.kinds.maintained import context_for, maintain
from tests.kinds.support import SLOT, Context
from tests.postgres import Database, Servers, eventually

SMALL = 500
NIGHT = {"vacuum": {"analyze": True, "jobs": 2}}
EVERYTHING = {"vacuum": {"tables": "all", "analyze": True, "jobs": 2}}
WORN = {f"small_{number}" for number in range(0, SMALL, 20)} | {"big_0"}


@pytest.fixture(scope="module")
def night(server: Servers) -> Iterator[Database]:
    with server.fresh_database() as database:
        database.execute(
            f"""do $$ begin
              for n in 0..{SMALL - 1} loop
                execute format('create table small_%s as select i, i as k from generate_series(1, 100) i', n);
              end loop;
              for n in 0..2 loop
                execute format('create table big_%s as select i, i as k from generate_series(1, 20000) i', n);
              end loop;
            end $$""",
            "vacuum analyze",
        )
        yield database


@pytest.fixture
def context(night: Database) -> Iterator[Context]:
    made = context_for(night)
    with made.sessions:
        yield made


def wear(night: Database) -> None:
    """Every row of a twentieth of the tables is updated, beyond their triggers; nothing else needs anything."""
    maintain(context_for(night), NIGHT)
    night.execute(*(f"update {name} set k = k + 1" for name in sorted(WORN)))
    eventually(lambda: needing(night) == WORN, what="the counters")


def needing(night: Database) -> set[str]:
    rows = night.execute("select relname from pg_stat_user_tables where n_dead_tup > 50 + 0.2 * n_live_tup")
    return {str(name) for (name,) in rows}


def done(outcome: Outcome, night: Database, before: dict[str, int]) -> set[str]:
    return {name for name, count in vacuums(night).items() if count > before[name]}


def vacuums(night: Database) -> dict[str, int]:
    return dict(night.execute("select relname, vacuum_count from pg_stat_user_tables"))


def test_what_needs_it_is_done_and_nothing_else(night: Database, context: Context) -> None:
    wear(night)
    before = vacuums(night)
    found = maintain(context, NIGHT)
    assert found.state is State.OK
    assert done(found, night, before) == WORN
    assert context.said[0].startswith("public.big_0 ("), "what gains most comes first"
    assert needing(night) == set()


def test_beside_an_application_a_lock_holder_and_a_session_that_wants_a_table(
    night: Database, context: Context
) -> None:
    wear(night)
    stop, slowest = threading.Event(), [0.0]

    def work() -> None:
        with night.connect() as connection:
            while not stop.is_set():
                began = time.monotonic()
                connection.execute("update big_0 set k = k + 1 where i = (random() * 20000)::int")
                slowest[0] = max(slowest[0], time.monotonic() - began)

    application = threading.Thread(target=work)
    application.start()
    try:
        with night.session("begin", "lock table small_20 in share update exclusive mode"):
            found = maintain(context, NIGHT)
    finally:
        stop.set()
        application.join()
    assert found.state is State.CRITICAL
    assert [item.series.key for item in found.findings] == [("public", "small_20")]
    assert found.findings[0].message.startswith("public.small_20: locked: another session holds a lock on it")
    assert needing(night) <= {"small_20", "big_0"}
    assert slowest[0] < 5.0, "nobody is kept waiting, however busy the machine of the test is"


def test_beside_an_old_snapshot_the_holder_is_named_for_every_table(night: Database, context: Context) -> None:
    with night.session(
        "set application_name = 'report'", "begin isolation level repeatable read", "select 1 from big_1"
    ):
        wear(night)
        found = maintain(context, NIGHT)
    assert found.state is State.WARNING
    assert {item.series.key[1] for item in found.findings} == WORN
    assert all("held by session" in item.message and "report" in item.message for item in found.findings)


def test_a_role_without_rights_is_refused_table_by_table(night: Database, server: Servers) -> None:
    wear(night)
    role = server.role("night", "pg_monitor")
    context = context_for(night, role)
    with context.sessions:
        found = maintain(context, NIGHT)
    assert found.state is State.CRITICAL
    assert {item.series.key[1] for item in found.findings} == WORN
    assert all(f"{role} is not its owner (postgres is)" in item.message for item in found.findings)


def test_a_window_that_ends_in_the_middle_and_the_next_night(night: Database, context: Context) -> None:
    wear(night)
    before = vacuums(night)
    window = Window(name="night", start=hour(2), end=hour(5))
    context.now = SLOT.replace(hour=4, minute=59, second=57)
    ended = context.clock.elapsed() + 3.0

    def slow(text: str, share: float | None = None) -> None:
        """From the 50th table on each begins when the window has just ended."""
        number = int(text.split("(")[1].split(" ", maxsplit=1)[0]) if "(" in text else 0
        while number >= 50 and context.clock.elapsed() < ended:
            time.sleep(0.05)

    context.progress = slow  # type: ignore[method-assign]
    found = maintain(context, EVERYTHING, window=window)
    assert found.state is State.WARNING
    left = {item.series.key for item in found.findings}
    assert all("not started: the window night has ended" in item.message for item in found.findings)
    assert left
    assert len(done(found, night, before)) + len(left) == SMALL + 3
    problems = {
        Series("", key): Problem(
            job="m", target="main", series=Series("", key), state=State.WARNING, since=SLOT, seen=SLOT
        )
        for key in left
    }
    second = context_for(night)
    second.memory, second.now = Memory(problems=problems), SLOT + timedelta(days=1)
    with second.sessions:
        found = maintain(second, EVERYTHING, window=window)
    assert found.state is State.OK
    first = {text.split(" ")[0].removeprefix("public.") for text in second.said[: len(left)]}
    assert first == {name for _, name in left}
