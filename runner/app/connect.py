"""`runner validate --connect`: every statement that applies, prepared on every target and never run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from runner.api import Job, Scope, ServerFacts, Target, TargetError
from runner.app.loading import Loaded
from runner.app.statements import Statement, conditions, statements
from runner.engine.context import databases_of, parameters
from runner.engine.database.bound import bound_query
from runner.engine.database.describe import Described, Refused, describe
from runner.engine.database.server import Server
from runner.engine.guard import Guarded, guard, refusal
from runner.errors import RunnerError
from runner.kinds.check.lint import compare
from runner.kinds.check.spec import CheckSpec
from runner.model.diagnostic import Diagnostic, Span
from runner.model.sql_text import quote_identifier, written_at
from runner.records import dataclass

_WORD = re.compile(r'"(?:[^"]|"")*"(?:\.[\w$"]+)*|[\w$.]+|\S')
_PRIVILEGE = {"schema": "usage on schema", "sequence": "select on sequence", "function": "execute on function"}
_ADVICE = {
    "42P01": "look at its name and schema; `requires: {extension: NAME}` skips the job where an extension is missing",
    "42883": "look at its name and arguments; `requires: {extension: NAME}` skips the job where an extension is missing",
    "42P18": "say what the parameter is: `cast(:name as int)`",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One statement of one job, for one database of a target."""

    job: Job
    statement: Statement
    params: Mapping[str, object]


def ask_servers(loaded: Loaded) -> tuple[Diagnostic, ...]:
    """What the servers say about the jobs; a complaint that several of them make is one, and names them."""
    places: dict[Diagnostic, list[str]] = {}
    for target in loaded.home.targets.values():
        for place, diagnostic in _ask(loaded, target):
            places.setdefault(diagnostic, []).append(place)
    return tuple(replace(item, message=f"{item.message}{_on(where)}") for item, where in places.items())


def _on(places: Iterable[str]) -> str:
    names = [name for name in dict.fromkeys(places) if name]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f" (on {', '.join(names[:3])}{more})" if names else ""


def _ask(loaded: Loaded, target: Target) -> Iterator[tuple[str, Diagnostic]]:
    server = Server(target, lock_timeout=loaded.home.settings.lock_timeout)
    try:
        facts = server.facts
        if isinstance(facts, TargetError):
            yield "", _error("target-unreachable", target.span, f"target {target.name}: {facts.message}", facts.hint)
            return
        jobs = [job for job in loaded.home.jobs if _applies(job, target, facts)]
        databases = dict.fromkeys(name for job in jobs for name in databases_of(job, target, facts))
        for database in databases:
            here = [job for job in jobs if database in databases_of(job, target, facts)]
            place = f"{target.name}/{database}" if database else target.name
            try:
                for diagnostic in _ask_database(server, facts, database, here):
                    yield place, diagnostic
            except TargetError as error:
                yield "", _error("target-unreachable", target.span, f"target {place}: {error.message}", error.hint)
    finally:
        server.close()


def _applies(job: Job, target: Target, facts: ServerFacts) -> bool:
    return job.scope is not Scope.HOST and job.targets.admits(target) and not refusal(job.requires, facts)


def _ask_database(server: Server, facts: ServerFacts, database: str, jobs: Sequence[Job]) -> Iterator[Diagnostic]:
    params = {job.name: parameters(job, server.target, {}) for job in jobs}
    guards = [_Asked(job=job, statement=item, params=params[job.name]) for job in jobs for item in conditions(job)]
    refused = set()
    for asked, answer in _answers(server.target, database, guards):
        if isinstance(answer, Refused):
            refused.add(asked.job.name)
            yield _complaint(asked, answer, facts)
    looking = []
    for job in jobs:
        if job.name in refused:
            continue
        guarded = _guarded(server, job, database, params[job.name])
        yield from _blind(job, guarded)
        looking += [job] if guarded.databases else []
    wanted = [
        _Asked(job=job, statement=item, params=params[job.name])
        for job in looking
        for item in statements(job, facts.major)
    ]
    yield from (diagnostic for job in looking for diagnostic in _without_sql(job, facts.major))
    for asked, answer in _answers(server.target, database, wanted):
        if isinstance(answer, Described):
            yield from _compared(asked, answer)
        elif not asked.statement.syntax_only or answer.sqlstate == "42601":
            yield _complaint(asked, answer, facts)


def _answers(target: Target, database: str, asked: Sequence[_Asked]) -> Iterator[tuple[_Asked, Described | Refused]]:
    """What the server says about each statement; a text that cannot be sent is refused without it.

    Raises TargetError.
    """
    bound, sent = [], []
    for item in asked:
        try:
            bound.append(bound_query(item.statement.sql, item.params))
            sent.append(item)
        except RunnerError as error:
            yield item, Refused(message=error.message, sqlstate="")
    yield from zip(sent, describe(target, database, bound) if bound else (), strict=True)


def _guarded(server: Server, job: Job, database: str, params: Mapping[str, object]) -> Guarded:
    steps = guard(job, (database,), params)
    try:
        queries = next(steps)
        while True:
            queries = steps.send(server.answer(queries))
    except StopIteration as stop:
        guarded: Guarded = stop.value
        return guarded


def _blind(job: Job, guarded: Guarded) -> Iterator[Diagnostic]:
    for reason in guarded.blind.values():
        key = "precondition" if job.precondition else "requires"
        span = job.origins.get(key, job.span)
        hint = "runner doctor prints the SQL of missing grants"
        yield _error("missing-grant", span, f"`{job.name}` cannot look: {reason}", hint)


def _without_sql(job: Job, major: int) -> Iterator[Diagnostic]:
    sql = job.spec.sql if isinstance(job.spec, CheckSpec) else None
    if sql is not None and sql.chosen(major) is None:
        message = f"`{job.name}` has no SQL for PostgreSQL {major}: it begins with {sql.lowest}"
        hint = f"add `requires: {{version: {sql.lowest}+}}`, or SQL for {major}"
        yield _error("sql-error", job.origins.get("sql", job.span), message, hint)


def _compared(asked: _Asked, answer: Described) -> Iterator[Diagnostic]:
    job, statement = asked.job, asked.statement
    if isinstance(job.spec, CheckSpec) and statement.is_result:
        yield from compare(job, job.spec, statement.document, answer.columns)
    for name, span in statement.columns:
        if name not in answer.columns:
            yield _error("unknown-column", span, f"the result has no column `{name}`", _listed(answer))


def _listed(answer: Described) -> str:
    return f"the columns are {', '.join(f'`{name}`' for name in answer.columns)}" if answer.columns else ""


def _complaint(asked: _Asked, refused: Refused, facts: ServerFacts) -> Diagnostic:
    code = "missing-grant" if refused.is_denied else "sql-error"
    hint = _grant(refused.message, facts) if refused.is_denied else refused.hint or _ADVICE.get(refused.sqlstate, "")
    return _error(code, _place(asked, refused), f"`{asked.job.name}`: {refused.message}", hint)


def _place(asked: _Asked, refused: Refused) -> Span:
    statement = asked.statement
    if statement.scalar is None or refused.offset is None:
        return statement.span
    start = written_at(statement.sql, asked.params, refused.offset)
    word = _WORD.match(statement.sql, start)
    return statement.scalar.locate(start, word.end() if word else start + 1)


def _grant(message: str, facts: ServerFacts) -> str:
    found = re.search(r"permission denied for ([a-z ]+?) (\S+)$", message)
    if not found:
        return "runner doctor prints the SQL of missing grants"
    what = _PRIVILEGE.get(found[1], "select on")
    return f"as its owner: grant {what} {found[2]} to {quote_identifier(facts.user)};"


def _error(code: str, span: Span, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic(code=code, span=span, message=message, hint=hint)
