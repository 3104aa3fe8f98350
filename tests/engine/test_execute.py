"""Runs of one target in order; one that fails in whatever way leaves the others alone."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from runner.api import (
    Answer,
    Finding,
    HistoryReader,
    Job,
    JobKind,
    Memory,
    Outcome,
    PluginError,
    Problem,
    Query,
    QueryError,
    Rows,
    RunnerError,
    Series,
    ServerFacts,
    State,
)
from runner.clock import SystemClock
from runner.engine.context import Context
from runner.engine.converse import drive
from runner.engine.database.server import Server
from runner.engine.execute import Done, Work, execute, in_order
from runner.model.job import Requires
from runner.model.target import Target
from runner.store.memory import WithoutStore
from tests.postgres import Database

NOW = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)
Steps = Generator[Sequence[Query], Sequence[Answer], Outcome]


@pytest.fixture
def asked(shared: Database) -> Iterator[Server]:
    server = Server(Target(name="main", options=shared.options()))
    yield server
    server.close()


def select(context: Any, job: Job) -> Steps:
    (answer,) = yield [Query(sql=str(job.spec))]
    assert isinstance(answer, Rows), answer
    return Outcome(summary=str(answer.rows[0][0]))


def twice(context: Any, job: Job) -> Steps:
    (first,) = yield [Query(sql="select 1")]
    (second,) = yield [Query(sql="select 2")]
    assert isinstance(first, Rows)
    assert isinstance(second, Rows)
    return Outcome(summary=f"{first.rows[0][0]}{second.rows[0][0]}")


def silent(context: Any, job: Job) -> Steps:
    return Outcome(summary="asked nothing")
    yield []


def raises(context: Any, job: Job) -> Steps:
    yield [Query(sql="select 1")]
    raise cast("Exception", job.spec)


def raises_at_once(context: Any, job: Job) -> Steps:
    raise cast("Exception", job.spec)


def yields(context: Any, job: Job) -> Steps:
    yield cast("list[Query]", job.spec)
    return Outcome(summary="unreachable")


def returns(context: Any, job: Job) -> Steps:
    yield [Query(sql="select 1")]
    return cast("Outcome", job.spec)


def work(name: str, call: Any, spec: object, *, blocking: bool = False, facts: object = None, **keys: Any) -> Work:
    kind = JobKind(name="test.kind", summary="s", read="m:r", **({"run": call} if blocking else {"converse": call}))
    changes = {key: keys.pop(key) for key in ("refused", "applied_before") if key in keys}
    memory, databases = keys.pop("memory", Memory()), keys.pop("databases", ("",))
    job = Job(name=name, kind="test.kind", group=keys.pop("group", "g"), title=name, spec=spec, **keys)
    context = Context(
        run_id=name, job=job, slot=NOW, clock=SystemClock(), home=Path("/"), target=None,
        server=cast("ServerFacts | None", facts), databases=databases, params={}, memory=memory,
        history=cast("HistoryReader", WithoutStore()), jobs=(), probes={},
        open_session=lambda *_: (_ for _ in ()).throw(AssertionError), tell=lambda _: None,
    )  # fmt: skip
    return Work(context=context, kind=kind, **changes)


def done(works: Sequence[Work], ask: Any) -> dict[str, Done]:
    ended: dict[str, Done] = {}
    execute(works, ask, lambda batch: ended.update({item.work.context.run_id: item for item in batch}))
    return ended


FAILURES: dict[str, tuple[Any, object, str, bool]] = {
    "an exception": (raises, ValueError("boom\nsecond line"), "ValueError: boom second line", True),
    "an exception without words": (raises, KeyError(), "KeyError", True),
    "an exception before the first query": (raises_at_once, ZeroDivisionError("x"), "ZeroDivisionError: x", True),
    "an error for the operator": (raises, RunnerError("the disk is full"), "the disk is full", False),
    "a plugin that cannot be loaded": (raises_at_once, PluginError("cannot be loaded"), "cannot be loaded", True),
    "the end of the program": (raises, SystemExit(3), "it tried to end the program", True),
    "nothing yielded": (yields, None, "it yielded None where a sequence of queries belongs", True),
    "texts yielded": (yields, ["select 1"], "it yielded ['select 1'] where", True),
    "nothing returned": (returns, None, "it returned None", True),
    "a text returned": (returns, "fine", "it returned 'fine'", True),
    "a kind that is not there": ("no.such.module:run", None, "cannot be loaded", True),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_conversation_that_fails_stops_no_other(asked: Server, name: str) -> None:
    call, spec, words, is_fault = FAILURES[name]
    ended = done([work("a", twice, None), work("bad", call, spec), work("b", select, "select 5")], asked.answer)
    assert (ended["a"].outcome.summary, ended["b"].outcome.summary) == ("12", "5")
    assert ended["bad"].outcome.state is State.UNKNOWN
    assert words in ended["bad"].outcome.findings[0].message
    assert "\n" not in ended["bad"].outcome.summary
    assert (ended["bad"].fault is not None) == is_fault
    assert ended["a"].fault is None


def test_a_blocking_run_that_fails_stops_no_other(asked: Server) -> None:
    def run(context: Any, job: Job) -> Outcome:
        if isinstance(job.spec, BaseException):
            raise job.spec
        return Outcome(summary=str(job.spec))

    works = [work(f"{n}", run, spec, blocking=True) for n, spec in enumerate(["x", OSError("no"), SystemExit(1), "y"])]
    ended = done(works, asked.answer)
    assert [ended[f"{n}"].outcome.state for n in range(4)] == [State.OK, State.UNKNOWN, State.UNKNOWN, State.OK]
    assert [ended[f"{n}"].fault is None for n in range(4)] == [True, False, False, True]


def test_conversations_share_their_round_trips(asked: Server) -> None:
    trips: list[int] = []

    def ask(queries: Sequence[Query]) -> Sequence[Answer]:
        trips.append(len(queries))
        return asked.answer(queries)

    works = [*(work(f"{n}", select, f"select {n}") for n in range(10)), work("t", twice, None), work("s", silent, None)]
    ended = done(works, ask)
    assert trips == [11, 1]
    assert [ended[f"{n}"].outcome.summary for n in range(10)] == [f"{n}" for n in range(10)]
    assert ended["s"].outcome.summary == "asked nothing"


def test_results_come_after_every_batch(asked: Server) -> None:
    batches: list[list[str]] = []
    works = [
        work("a", select, "select 1"), work("b", select, "select 2"),
        work("c", lambda *_: Outcome(summary="c"), None, blocking=True),
        work("d", lambda *_: Outcome(summary="d"), None, blocking=True), work("e", select, "select 3"),
    ]  # fmt: skip
    execute(works, asked.answer, lambda batch: batches.append([item.work.context.run_id for item in batch]))
    assert batches == [["a", "b"], ["c"], ["d"], ["e"]]


def test_what_is_refused_is_not_run(asked: Server) -> None:
    touched: list[str] = []
    refused = work("x", lambda *_: touched.append("x"), None, blocking=True, refused="commands are not allowed")
    ended = done([refused], asked.answer)
    assert touched == []
    assert (ended["x"].outcome.state, ended["x"].outcome.summary) == (State.UNKNOWN, "commands are not allowed")


FACTS = ServerFacts(version=150000, in_recovery=True, user="u", superuser=True, database="d", databases=("d",))
NOT_HERE = {
    "the role of the server": ({"requires": Requires(role="primary")}, "is for a primary, this is a standby"),
    "an extension": ({"requires": Requires(extensions={"gone": ""})}, "the extension gone is not installed"),
    "a setting": ({"requires": Requires(settings={"autovacuum": "on"})}, "needs autovacuum = on, it is off"),
    "applies_if": ({"applies_if": "select false, 'no standby is connected'"}, "no standby is connected"),
}


@pytest.mark.parametrize("name", NOT_HERE)
def test_what_never_applied_is_skipped_and_what_stops_applying_is_told(asked: Server, name: str) -> None:
    keys, reason = NOT_HERE[name]
    never = work("never", select, "select 1", facts=FACTS, **keys)
    once = work("once", select, "select 1", facts=FACTS, applied_before=lambda: True, **keys)
    ended = done([never, once], asked.answer)
    assert (ended["never"].outcome.state, ended["never"].outcome.skipped) == (State.SKIPPED, reason)
    assert ended["once"].outcome.state is State.UNKNOWN
    assert ended["once"].outcome.summary == f"no longer applies here: {reason}"


def seen_in(*databases: str) -> Memory:
    problems = {
        Series(name, ("t",)): Problem(
            job="j", target="main", series=Series(name, ("t",)), state=State.WARNING, since=NOW, seen=NOW, opened=NOW
        )
        for name in databases
    }
    return Memory(problems=problems)


def test_problems_end_in_databases_that_are_gone_or_do_not_apply(asked: Server, shared: Database) -> None:
    def look(context: Any, job: Job) -> Steps:
        yield []
        return Outcome(summary="s", looked=frozenset(context.databases))

    facts = asked.facts
    sql = "select current_database() <> 'postgres', 'not here'"
    one = work(
        "one", look, None, facts=facts, databases=(shared.name, "postgres", "no_such_database"), applies_if=sql,
        memory=seen_in(shared.name, "postgres", "no_such_database", "dropped"),
    )  # fmt: skip
    ended = done([one], asked.answer)
    assert ended["one"].outcome.looked == {shared.name, "postgres", "dropped"}
    blind = work(
        "blind", look, None, facts=facts, databases=("no_such_database",), applies_if=sql, memory=seen_in("dropped")
    )
    assert done([blind], asked.answer)["blind"].outcome.looked == frozenset()


def test_a_database_that_cannot_be_asked_is_unknown_beside_the_others(asked: Server, shared: Database) -> None:
    def look(context: Any, job: Job) -> Steps:
        yield []
        return Outcome(summary="fine", looked=frozenset(context.databases))

    sql = "select 1 / (length(current_database()) - 8) is not null"
    one = work("one", look, None, facts=asked.facts, databases=(shared.name, "postgres"), precondition=sql)
    outcome = done([one], asked.answer)["one"].outcome
    assert outcome.summary == "fine"
    assert [(item.state, item.series) for item in outcome.findings] == [(State.UNKNOWN, Series("postgres"))]


def test_readers_first_then_groups_in_the_order_of_their_files() -> None:
    works = [
        work("m2", select, "", group="maintain", order=2), work("b1", select, "", group="b", order=1),
        work("a2", select, "", group="a", order=2), work("m1", select, "", group="maintain", order=1),
        work("a1", select, "", group="a", order=1),
    ]  # fmt: skip
    ordered = in_order(works, ["maintain", "a", "b"], lambda group: group == "maintain")
    assert [item.context.run_id for item in ordered] == ["a1", "a2", "b1", "m1", "m2"]


def test_a_server_that_answers_errors_is_the_business_of_each_conversation() -> None:
    def judge(context: Any, job: Job) -> Steps:
        (answer,) = yield [Query(sql="select 1")]
        assert isinstance(answer, QueryError)
        finding = Finding(state=State.UNKNOWN, message=answer.message)
        return Outcome(summary=answer.message, findings=(finding,))

    conversations = {"a": judge(None, replace(work("a", judge, None).context.job)), "b": judge(None, cast("Job", None))}
    ended = drive(conversations, lambda queries: [QueryError(message="gone")] * len(queries))
    assert [outcome.summary for outcome in ended.values() if isinstance(outcome, Outcome)] == ["gone", "gone"]
