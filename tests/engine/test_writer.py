"""The sessions of jobs that change data: one statement at a time, notices kept, stoppable from outside."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from runner.api import Job, QueryError, Rows, TargetError
from runner.engine.database.writer import Writer
from runner.engine.database.writers import Writers
from runner.model.target import Target
from tests.postgres import Database, eventually


@pytest.fixture
def target(shared: Database) -> Target:
    return Target(name="main", options=shared.options())


@pytest.fixture
def writer(target: Target) -> Iterator[Writer]:
    session = Writer(target, "", purpose="runner/test", lock_timeout=0.2)
    yield session
    session.close()


def values(answer: object) -> tuple[tuple[object, ...], ...]:
    assert isinstance(answer, Rows), answer
    return answer.rows


def test_it_writes_and_commits_each_statement(writer: Writer, shared: Database) -> None:
    assert isinstance(writer.execute("create table w (a int)"), Rows)
    assert values(writer.execute("insert into w values (:a) returning a", {"a": 7})) == ((7,),)
    assert shared.value("select a from w") == 7
    assert isinstance(writer.execute("vacuum w"), Rows)


def test_it_says_who_it_is_and_does_not_wait_for_locks(writer: Writer) -> None:
    settings = "select current_setting('application_name'), current_setting('lock_timeout')"
    assert values(writer.execute(settings)) == (("runner/test", "200ms"),)


def test_notices_belong_to_their_statement(writer: Writer) -> None:
    said = writer.execute("do $$ begin raise warning 'skipping it'; raise notice 'and that'; end $$")
    assert isinstance(said, Rows)
    assert [(notice.severity, notice.message) for notice in said.notices] == [
        ("WARNING", "skipping it"), ("NOTICE", "and that"),
    ]  # fmt: skip
    after = writer.execute("select 1")
    assert isinstance(after, Rows)
    assert after.notices == ()


def test_a_vacuum_without_the_right_says_so_in_a_notice(shared: Database, minimal_role: str) -> None:
    shared.execute("create table foreign_table (a int)")
    session = Writer(Target(name="m", options=shared.options(minimal_role)), "", purpose="runner/m", lock_timeout=1.0)
    said = session.execute("vacuum foreign_table")
    session.close()
    assert isinstance(said, Rows)
    assert any("foreign_table" in notice.message and notice.severity == "WARNING" for notice in said.notices)


@pytest.mark.parametrize(
    ("sql", "sqlstate"),
    [("selec", "42601"), ("select 1 / 0", "22012"), ("select :missing", "42601"), ("drop table nowhere", "42P01")],
)
def test_errors_are_answers_and_the_session_goes_on(writer: Writer, sql: str, sqlstate: str) -> None:
    answer = writer.execute(sql)
    assert isinstance(answer, QueryError)
    assert (answer.sqlstate, "\n" in answer.message) == (sqlstate, False)
    assert values(writer.execute("select 1")) == ((1,),)


def test_a_timeout_is_for_one_statement(writer: Writer) -> None:
    answer = writer.execute("select pg_sleep(60)", timeout=0.1)
    assert isinstance(answer, QueryError)
    assert answer.sqlstate == "57014"
    assert values(writer.execute("select current_setting('statement_timeout')")) == (("0",),)


def test_a_lock_is_given_up(writer: Writer, shared: Database) -> None:
    shared.execute("create table held (a int)")
    with shared.session("begin", "select * from held"):
        answer = writer.execute("alter table held add b int")
    assert isinstance(answer, QueryError)
    assert answer.sqlstate == "55P03"


def test_a_nul_character_never_reaches_the_server(writer: Writer) -> None:
    for sql, params in (("select 1 \0 or true", {}), ("select :a", {"a": "x\0y"})):
        answer = writer.execute(sql, params)
        assert isinstance(answer, QueryError)
        assert "NUL" in answer.message


def test_a_lost_connection_is_an_answer(writer: Writer) -> None:
    answer = writer.execute("select pg_terminate_backend(pg_backend_pid())")
    assert isinstance(answer, QueryError)
    assert isinstance(writer.execute("select 1"), QueryError)


def test_stop_cancels_what_runs_in_every_session(target: Target, shared: Database) -> None:
    writers = Writers()
    job = Job(name="long", kind="maintenance", group="g", title="t", spec=None)
    session = writers.open(target, "", job)
    answers: list[object] = []
    thread = threading.Thread(target=lambda: answers.append(session.execute("select pg_sleep(60)")))
    thread.start()
    look = "select count(*) from pg_stat_activity where application_name = 'runner/long' and state = 'active'"
    eventually(lambda: shared.value(look) == 1, what="the statement")
    writers.stop()
    thread.join(timeout=20)
    assert writers.stopped
    assert isinstance(answers[0], QueryError)
    assert answers[0].sqlstate == "57014"
    writers.close()
    eventually(lambda: shared.value(look.replace(" and state = 'active'", "")) == 0, what="the end of the session")


def test_a_database_that_is_not_there(target: Target) -> None:
    with pytest.raises(TargetError, match="no_such_database"):
        Writer(target, "no_such_database", purpose="runner/x", lock_timeout=1.0)


@pytest.mark.parametrize(("how", "is_cancelled"), [("stop", False), ("cancel", True)])
def test_what_is_shielded_outlives_a_stop_of_the_run_and_no_cancel_of_its_own(
    writer: Writer, shared: Database, how: str, is_cancelled: bool
) -> None:
    sleeping = "select count(*) from pg_stat_activity where query = 'select pg_sleep(1), 41' and state = 'active'"

    def interrupt() -> None:
        eventually(lambda: shared.value(sleeping))
        getattr(writer, how)()

    thread = threading.Thread(target=interrupt)
    thread.start()
    answer = writer.execute("select pg_sleep(1), 41", shielded=True)
    thread.join()
    assert isinstance(answer, QueryError) is is_cancelled
    writer.close()
    writer.close()
