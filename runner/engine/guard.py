"""Whether a job applies: version and role from the facts, the rest by asking each database first."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import field

from runner.model.job import Job, Requires
from runner.model.query import Answer, Query, QueryError, Rows, ServerFacts
from runner.records import dataclass

_REQUIREMENTS = """
select 'extension' as what, extname::text as name, extversion::text as value from pg_extension
where extname = any (cast(:extensions as text[]))
union all
select 'setting', name, setting from pg_settings where name = any (cast(:settings as text[]))
union all
select 'grant', rolname::text, pg_has_role(current_user, oid, 'usage')::text from pg_roles
where rolname = any (cast(:grants as text[]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """The databases where the job applies, and for the others why not: skipped, or blind (cannot look)."""

    databases: tuple[str, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    blind: Mapping[str, str] = field(default_factory=dict)


def refusal(requires: Requires, facts: ServerFacts) -> str:
    """Why the server as a whole does not fit, empty when it does."""
    if requires.version:
        low, high = requires.version
        if facts.major < low:
            return f"needs PostgreSQL {low} or newer, this is {facts.major}"
        if high is not None and facts.major > high:
            return f"is for PostgreSQL up to {high}, this is {facts.major}"
    if requires.role and requires.role != facts.role:
        return f"is for a {requires.role}, this is a {facts.role}"
    return ""


def guard(
    job: Job, databases: Sequence[str], params: Mapping[str, object]
) -> Generator[Sequence[Query], Sequence[Answer], Guarded]:
    """Asks every database what the job requires; yields nothing when it requires nothing."""
    requires = job.requires
    questions: list[tuple[str, Query]] = []
    for database in databases:
        if requires.extensions or requires.settings or requires.grants:
            wanted = {
                "extensions": list(requires.extensions),
                "settings": list(requires.settings),
                "grants": list(requires.grants),
            }
            questions.append(("requires", Query(sql=_REQUIREMENTS, params=wanted, database=database)))
        for kind, sql in (("applies_if", job.applies_if), ("precondition", job.precondition)):
            if sql:
                query = Query(sql=sql, params=params, database=database, timeout=job.statement_timeout)
                questions.append((kind, query))
    answers = (yield [query for _, query in questions]) if questions else []
    return _judge(job, databases, questions, answers)


def _judge(
    job: Job, databases: Sequence[str], questions: Sequence[tuple[str, Query]], answers: Sequence[Answer]
) -> Guarded:
    skipped: dict[str, str] = {}
    blind: dict[str, str] = {}
    for (kind, query), answer in zip(questions, answers, strict=True):
        database = query.database
        if isinstance(answer, QueryError):
            blind.setdefault(database, f"cannot tell whether the job applies: {answer}")
        elif kind == "requires":
            missing, no_grant = _unmet(job.requires, answer)
            if missing:
                skipped.setdefault(database, missing)
            elif no_grant:
                blind.setdefault(database, no_grant)
        elif kind == "applies_if" and (reason := _is_false(answer, "does not apply here")):
            skipped.setdefault(database, reason)
        elif kind == "precondition" and (reason := _is_false(answer, "the role cannot see what this check needs")):
            blind.setdefault(database, reason)
    applicable = tuple(name for name in databases if name not in skipped and name not in blind)
    return Guarded(databases=applicable, skipped=skipped, blind={k: v for k, v in blind.items() if k not in skipped})


def _is_false(answer: Rows, otherwise: str) -> str:
    """The reason of a predicate that does not hold: its second column when it has one."""
    row = answer.rows[0] if answer.rows else ()
    if row and row[0] is True:
        return ""
    return str(row[1]) if len(row) > 1 and row[1] else otherwise


def _unmet(requires: Requires, answer: Rows) -> tuple[str, str]:
    found = {(str(what), str(name)): str(value) for what, name, value in answer.rows}
    for name, version in requires.extensions.items():
        have = found.get(("extension", name))
        if have is None:
            return f"the extension {name} is not installed", ""
        if version and _parts(have) < _parts(version):
            return f"needs {name} {version} or newer, {have} is installed", ""
    for name, value in requires.settings.items():
        have = found.get(("setting", name))
        if have != value:
            return f"needs {name} = {value}, it is {have if have is not None else 'unknown here'}", ""
    for name in requires.grants:
        if found.get(("grant", name)) != "true":
            return "", f"the role lacks {name}: grant {name} to it (runner doctor prints the SQL)"
    return "", ""


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in version.rstrip("+").split("."))
