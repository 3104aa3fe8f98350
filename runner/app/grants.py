"""The rights that the jobs need and the role lacks, as the SQL that gives them and nothing more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runner.api import Advice, Job, Query, QueryError, Scope, ServerFacts, Target
from runner.app.loading import Loaded
from runner.engine.context import parameters
from runner.engine.database.server import Server
from runner.engine.guard import guard, refusal
from runner.model.sql_text import quote_identifier

# Owners of tables that this role may not vacuum: neither its own, nor through a role it is a member of.
_FOREIGN_OWNERS = """
select o.rolname::text as owner, count(*) as tables, o.rolsuper as superuser
from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_roles o on o.oid = c.relowner
where c.relkind in ('r', 'm') and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'
  and not pg_has_role(current_user, c.relowner, 'usage')
  and (select datdba from pg_database where datname = current_database())
      not in (select oid from pg_roles where pg_has_role(current_user, oid, 'usage'))
group by 1, 3 order by 1
"""


def grants(loaded: Loaded, target: Target, server: Server, facts: ServerFacts, jobs: Sequence[Job]) -> Iterator[Advice]:
    """What is missing for these jobs on this server; nothing when all can look and work."""
    role = quote_identifier(facts.user)
    wanted = sorted({grant for job in jobs for grant in job.requires.grants})
    missing = [grant for grant in wanted if not facts.superuser and grant not in facts.roles]
    for grant in missing:
        names = [job.name for job in jobs if grant in job.requires.grants]
        yield Advice(
            good=False,
            message=f"{facts.user} is not a member of {grant}: {', '.join(names)} cannot look",
            hint=f"as a superuser: grant {grant} to {role};",
        )
    if wanted and not missing:
        yield Advice(good=True, message=f"{facts.user} has {', '.join(wanted)}")
    yield from _preconditions(target, server, facts, jobs)
    if any(loaded.registry.kinds[job.kind].changes_data for job in jobs):
        yield from _maintenance(target, server, facts, role, jobs)


def _preconditions(target: Target, server: Server, facts: ServerFacts, jobs: Sequence[Job]) -> Iterator[Advice]:
    for job in jobs:
        if not job.precondition or refusal(job.requires, facts):
            continue
        databases = facts.visited(target.databases) if job.scope is Scope.DATABASE else ("",)
        steps = guard(job, databases, parameters(job, target, {}))
        answers = server.answer(next(steps))
        try:
            steps.send(answers)
        except StopIteration as stop:
            for database, reason in stop.value.blind.items():
                where = f" in {database}" if database else ""
                yield Advice(good=False, message=f"{job.name} cannot look{where}", hint=reason)


def _maintenance(
    target: Target, server: Server, facts: ServerFacts, role: str, jobs: Sequence[Job]
) -> Iterator[Advice]:
    if facts.superuser or "pg_maintain" in facts.roles:
        return
    everywhere = any(job.scope is Scope.DATABASE for job in jobs)
    databases = facts.visited(target.databases) if everywhere else ("",)
    queries = [Query(sql=_FOREIGN_OWNERS, database=database) for database in databases]
    for query, answer in zip(queries, server.answer(queries), strict=True):
        where = query.database or facts.database
        if isinstance(answer, QueryError):
            yield Advice(good=False, message=f"{where}: cannot see whose tables these are: {answer}", hint=answer.hint)
            continue
        for owner, tables, superuser in answer.rows:
            grant = "pg_maintain" if facts.major >= 17 else quote_identifier(str(owner))
            alone = f"run maintenance as {owner} on a target of its own"
            # Members of a superuser have all its rights, so this is never advised.
            given = f"as a superuser: grant {grant} to {role}; or {alone}"
            yield Advice(
                good=False,
                message=f"{where}: {facts.user} may not vacuum {tables} tables of {owner}",
                hint=alone if superuser and facts.major < 17 else given,
            )
