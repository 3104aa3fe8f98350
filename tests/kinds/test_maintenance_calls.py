"""The parameters that findings fill in, as functions of what the store remembers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runner.api import Job, Problem, Series, ServerFacts, State, Target
from runner.judge import Rule
from runner.kinds.check.spec import CheckSpec, Remedy
from runner.kinds.maintenance.calls import Call, calls_of, for_each
from runner.kinds.maintenance.read import read
from runner.kinds.maintenance.run import run
from tests.kinds.maintained import context_for, dead_rows, make_dead_rows
from tests.kinds.support import SLOT, Complaints, Context, Remembered, job, mapping
from tests.postgres import Database, Servers

PARAMS = {"table": "nothing", "most": 3, "where": "x"}


def found(
    *key: str, database: str = "", state: State = State.WARNING, target: str = "main", check: str = "dead"
) -> Problem:
    series = Series(database, key)
    return Problem(job=check, target=target, series=series, state=state, since=SLOT, seen=SLOT, message=f"{key} is bad")


def calls(*problems: Problem, database: str = "", slot_is_its_own: bool = True, **given: str) -> tuple[Call, ...]:
    remedy = Remedy(job="m", auto=True, params=given)
    check = job("dead", "check", CheckSpec(rule=Rule(key=("schema", "table")), remedy=remedy), params={"n": 1})
    mender: Job = job("m", "maintenance", None, mends=("dead",))
    context = Context(
        target=Target(name="main", options={}, params={"n": 7}), params=PARAMS, jobs=(check, mender),
        history=Remembered(open=problems), previous={"m": SLOT if slot_is_its_own else SLOT - timedelta(hours=1)},
    )  # fmt: skip
    made = calls_of(context, mender, database, "own")
    assert not isinstance(made, str)
    return tuple(made)


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ table }}", "t"),
        ("{{ schema }}.{{ key }}", "s.s.t"),
        ("{{ database }}/{{ target }}/{{ state }}", "db/main/warning"),
        ("{{ params.n }}", "7"),
        ("fixed", "fixed"),
    ],
)
def test_a_parameter_is_filled_from_what_identifies_the_problem(template: str, value: str) -> None:
    (call,) = calls(found("s", "t", database="db"), database="db", table=template)
    assert call.params == {**PARAMS, "table": value}
    assert (call.title, call.why) == ("db/s.t", "dead: ('s', 't') is bad")


@pytest.mark.parametrize(("text", "value"), [("5", 5), ("five", "five")])
def test_a_number_stays_a_number(text: str, value: object) -> None:
    assert calls(found("s", "t"), most=text)[0].params["most"] == value


@pytest.mark.parametrize(
    ("problem", "database", "count"),
    [
        (found("s", "t"), "", 1),
        (found("s", "t", database="own"), "", 1),
        (found("s", "t"), "own", 1),
        (found("s", "t", database="a"), "b", 0),
        (found("s", "t", target="other"), "", 0),
        (found("s", "t", check="another"), "", 0),
        (found("s", "t", state=State.UNKNOWN), "", 0),
    ],
)
def test_only_what_was_found_here_is_mended(problem: Problem, database: str, count: int) -> None:
    assert len(calls(problem, database=database, table="{{ table }}")) == count


def test_equal_parameters_are_one_call() -> None:
    assert len(calls(found("s", "t"), found("s", "u"), where="{{ schema }}")) == 1


def test_a_run_by_name_keeps_its_own_parameters() -> None:
    assert calls(found("s", "t"), slot_is_its_own=False, table="{{ table }}") == (Call(params=PARAMS),)


def test_a_statement_without_parameters_is_run_once() -> None:
    made = calls(found("s", "t"), found("s", "u"), table="{{ table }}")
    assert [call.title for call in for_each(made, "select :table")] == ["s.t", "s.u"]
    assert [call.title for call in for_each(made, "select 1")] == [""]


def test_only_the_databases_of_problems_are_worked_on_and_all_are_looked_at(
    database: Database, server: Servers
) -> None:
    make_dead_rows(database, "public.t")
    with server.fresh_database() as other:
        make_dead_rows(other, "public.t")
        context = context_for(database)
        context.databases = (database.name, other.name)
        context.previous, context.params = {"m": SLOT}, {"table": "nothing"}
        context.history = Remembered(open=[found("public", "t", database=other.name)])
        remedy = Remedy(job="m", auto=True, params={"table": "{{ table }}"})
        context.jobs = (job("dead", "check", CheckSpec(rule=Rule(key=("schema", "table")), remedy=remedy)),)
        steps = [{"vacuum": {"tables": {"sql": "select 'public', :table"}}}]
        spec = read(mapping({"maintenance": "m", "steps": steps}), Complaints(params=context.params))
        with context.sessions:
            outcome = run(context, job("m", "maintenance", spec, mends=("dead",)))
        assert outcome.state is State.OK
        assert outcome.looked == {database.name, other.name}
        assert (dead_rows(database, "t") > 0, dead_rows(other, "t")) == (True, 0)


def test_without_anything_to_mend_the_run_is_skipped() -> None:
    context = Context(
        target=Target(name="main", options={}), server=ServerFacts(version=150000, in_recovery=False, user="", superuser=True, database="own", databases=()),
        previous={"m": SLOT},
    )  # fmt: skip
    spec = read(mapping({"maintenance": "m", "steps": [{"vacuum": {}}]}), Complaints())
    outcome = run(context, job("m", "maintenance", spec, mends=("dead",)))
    assert outcome.skipped == "no problem of dead is open now"
