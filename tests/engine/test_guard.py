"""Whether a job applies: asked of a real server, answered with a reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from runner.api import Job, QueryError, ServerFacts
from runner.engine.database.server import Server
from runner.engine.guard import Guarded, guard, refusal
from runner.model.job import Requires
from runner.model.target import Target
from tests.postgres import Database, Servers


@pytest.fixture
def asked(shared: Database, minimal_role: str) -> Iterator[Server]:
    server = Server(Target(name="main", options=shared.options(minimal_role)), lock_timeout=0.2)
    yield server
    server.close()


def job(**keys: Any) -> Job:
    return Job(name="j", kind="check", group="g", title="j", spec=None, **keys)


def guarded(server: Server, wanted: Job, params: Mapping[str, object] | None = None, *databases: str) -> Guarded:
    steps = guard(wanted, databases or ("",), params or {})
    try:
        answers = server.answer(next(steps))
        steps.send(answers)
    except StopIteration as stop:
        found: Guarded = stop.value
        return found
    raise AssertionError("guard asked twice")


FACTS = ServerFacts(version=150018, in_recovery=False, user="u", superuser=False, database="d", databases=("d",))


@pytest.mark.parametrize(
    ("requires", "facts", "reason"),
    [
        (Requires(), FACTS, ""),
        (Requires(version=(14, None)), FACTS, ""),
        (Requires(version=(15, 15)), FACTS, ""),
        (Requires(version=(17, None)), FACTS, "needs PostgreSQL 17 or newer, this is 15"),
        (Requires(version=(12, 14)), FACTS, "is for PostgreSQL up to 14, this is 15"),
        (Requires(role="primary"), FACTS, ""),
        (Requires(role="standby"), FACTS, "is for a standby, this is a primary"),
        (Requires(role="primary"), replace(FACTS, in_recovery=True), "is for a primary, this is a standby"),
    ],
)
def test_what_the_server_is(requires: Requires, facts: ServerFacts, reason: str) -> None:
    assert refusal(requires, facts) == reason


SKIPPED: dict[str, tuple[dict[str, Any], str]] = {
    "a missing extension": (
        {"requires": Requires(extensions={"pg_stat_statements": ""})},
        "the extension pg_stat_statements is not installed",
    ),
    "an old extension": ({"requires": Requires(extensions={"plpgsql": "9.1"})}, "needs plpgsql 9.1 or newer, 1.0"),
    "a setting": ({"requires": Requires(settings={"autovacuum": "on"})}, "needs autovacuum = on, it is off"),
    "an unknown setting": (
        {"requires": Requires(settings={"no_such": "on"})},
        "needs no_such = on, it is unknown here",
    ),
    "applies_if with a reason": (
        {"applies_if": "select false, 'there is no table ' || :name", "params": {"name": "orders"}},
        "there is no table orders",
    ),
    "applies_if without one": ({"applies_if": "select false"}, "does not apply here"),
    "applies_if without a row": ({"applies_if": "select true where false"}, "does not apply here"),
    "applies_if null": ({"applies_if": "select null::bool, 'nobody knows'"}, "nobody knows"),
}  # fmt: skip
BLIND: dict[str, tuple[dict[str, Any], str]] = {
    "a missing grant": (
        {"requires": Requires(grants=("pg_checkpoint",))},
        "the role lacks pg_checkpoint: grant pg_checkpoint to it",
    ),
    "a precondition with a reason": (
        {"precondition": "select false, 'grant select on t to ' || current_user"},
        "grant select on t to test_minimal",
    ),
    "a precondition without one": ({"precondition": "select false"}, "the role cannot see what this check needs"),
    "a precondition that fails": ({"precondition": "select nonsense"}, "cannot tell whether the job applies"),
    "applies_if that fails": ({"applies_if": "select true from nowhere"}, "cannot tell whether the job applies"),
    "applies_if that takes too long": (
        {"applies_if": "select true from pg_sleep(60)", "statement_timeout": 0.1},
        "cannot tell whether the job applies",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SKIPPED)
def test_what_does_not_apply_is_skipped_with_the_reason(asked: Server, name: str) -> None:
    keys, reason = SKIPPED[name]
    found = guarded(asked, job(**keys), keys.get("params"))
    assert (found.databases, found.blind) == ((), {})
    assert found.skipped[""].startswith(reason)


@pytest.mark.parametrize("name", BLIND)
def test_what_cannot_be_seen_is_blind_and_names_what_is_missing(asked: Server, name: str) -> None:
    keys, reason = BLIND[name]
    found = guarded(asked, job(**keys))
    assert (found.databases, found.skipped) == ((), {})
    assert found.blind[""].startswith(reason)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"requires": Requires(extensions={"plpgsql": ""})},
        {"requires": Requires(extensions={"plpgsql": "1.0+"})},
        {"requires": Requires(settings={"autovacuum": "off"})},
        {"requires": Requires(grants=("pg_monitor", "pg_read_all_stats"))},
        {"applies_if": "select true, 'said for nothing'"},
        {"precondition": "select true", "applies_if": "select true"},
    ],
)
def test_what_applies(asked: Server, keys: dict[str, Any]) -> None:
    assert guarded(asked, job(**keys)) == Guarded(databases=("",))


def test_skipped_outweighs_blind(asked: Server) -> None:
    found = guarded(asked, job(precondition="select false", applies_if="select false"))
    assert (found.skipped, found.blind) == ({"": "does not apply here"}, {})


def test_each_database_for_itself(asked: Server, shared: Database, server: Servers, minimal_role: str) -> None:
    sql = "select current_database() like 'test%', 'only for tests'"
    found = guarded(asked, job(applies_if=sql), None, shared.name, "postgres", "no_such_database")
    assert found.databases == (shared.name,)
    assert found.skipped == {"postgres": "only for tests"}
    assert "no_such_database" in found.blind["no_such_database"]


def test_a_lock_is_not_waited_for(asked: Server, shared: Database, minimal_role: str) -> None:
    shared.execute("create table if not exists held (a int)", f"grant select on held to {minimal_role}")
    with shared.session("begin", "lock table held in access exclusive mode"):
        found = guarded(asked, job(applies_if="select exists (select from held)"))
    assert "55P03" in found.blind[""]
    assert not isinstance(found.blind[""], QueryError)
