"""`runner doctor --grants`: the SQL that gives a role what the jobs of this home need, and nothing more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import groupby

from runner.api import Job, Query, QueryError, ServerFacts, Target, TargetError
from runner.app.doctor import NEWEST, OLDEST
from runner.app.loading import Loaded
from runner.app.rights import Right, needed
from runner.app.run_job import known
from runner.engine.database.server import Server
from runner.model.sql_text import quote_identifier
from runner.records import dataclass

EACH = "*"
"""In place of a database's name: every database that the target's `databases:` lets through."""

_ROLE_IS_THERE = "select rolsuper from pg_roles where rolname = :role"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One statement for a superuser; `database` is empty where any will do."""

    sql: str
    jobs: tuple[str, ...] = ()
    database: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A right that is not given, and why."""

    text: str
    jobs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The statements for one target and some major versions; `asked` when the server told what is missing."""

    target: str
    address: str
    role: str
    majors: tuple[int, ...]
    asked: bool
    grants: tuple[Grant, ...]
    notes: tuple[Note, ...]
    trouble: str = ""


def scripts(loaded: Loaded, *, role: str = "", target: str = "", connect: bool = True) -> Iterator[Script]:
    """One script a target; without its server one for all supported versions that need the same.

    Raises UsageError for an unknown target.
    """
    targets = loaded.home.targets
    known("target", [target] if target else [], targets)
    for each in targets.values():
        if target in ("", each.name):
            jobs = [job for job in loaded.home.jobs if job.targets.admits(each)]
            yield from _Writer(loaded, each, jobs, role or _user(each, connect)).scripts(connect)


def _user(target: Target, connect: bool) -> str:
    """The role of the target; without its server `postgres` is taken for the superuser that it nearly always is."""
    user = str(target.options.get("user") or "")
    return user if user and (connect or user != "postgres") else "runner"


class _Writer:
    """The scripts for one target and role."""

    def __init__(self, loaded: Loaded, target: Target, jobs: Sequence[Job], role: str) -> None:
        self._loaded, self._target, self._jobs, self._role = loaded, target, jobs, role

    def scripts(self, connect: bool) -> Iterator[Script]:
        if not connect:
            yield from self._offline("")
            return
        with closing(Server(self._target, lock_timeout=self._loaded.home.settings.lock_timeout)) as server:
            facts = server.facts
            if isinstance(facts, TargetError):
                yield from self._offline(facts.message)
            else:
                yield self._missing(server, facts)

    def _offline(self, trouble: str) -> Iterator[Script]:
        rights = {major: self._rights(major) for major in range(OLDEST, NEWEST + 1)}
        for same, majors in groupby(rights, key=lambda major: rights[major]):
            grants = (self._role_line(), *self._connects(same), *map(self._grant, same))
            yield self._script(tuple(majors), grants, same, trouble=trouble)

    def _rights(self, major: int) -> tuple[Right, ...]:
        jobs = [job for job in self._jobs if _fits(job, major)]
        return tuple(right for right in needed(jobs, self._role) if right.since <= major <= right.until)

    def _script(
        self, majors: tuple[int, ...], grants: Sequence[Grant | None], rights: Sequence[Right], *,
        asked: bool = False, trouble: str = "",
    ) -> Script:  # fmt: skip
        notes = tuple(Note(text=right.why, jobs=right.jobs) for right in rights if right.why)
        order = {"": 0, EACH: 2}
        given = sorted((item for item in grants if item), key=lambda item: (order.get(item.database, 1), item.database))
        return Script(
            target=self._target.name, address=self._target.address, role=self._role, majors=majors, asked=asked,
            grants=tuple(given), notes=notes, trouble=trouble,
        )  # fmt: skip

    def _role_line(self) -> Grant:
        name = self._role.replace("'", "''")
        condition = f"not exists (select from pg_roles where rolname = '{name}')"
        create = f"create role {quote_identifier(self._role)} login"
        return Grant(sql=f"do $grants$ begin\n  if {condition} then {create}; end if;\nend $grants$;")

    def _connects(self, rights: Sequence[Right]) -> Iterator[Grant]:
        role = quote_identifier(self._role)
        if own := str(self._target.options.get("dbname") or ""):
            yield Grant(sql=f"grant connect on database {quote_identifier(own)} to {role};")
        if any(right.place == "each" for right in rights) or _visits(self._jobs):
            yield Grant(sql=_CONNECT_EACH.replace("{literal}", "'" + self._role.replace("'", "''") + "'"))

    def _grant(self, right: Right) -> Grant | None:
        own = str(self._target.options.get("dbname") or "")
        database = {"server": "", "own": own, "each": EACH}[right.place]
        return Grant(sql=right.sql, jobs=right.jobs, database=database) if right.sql else None

    def _missing(self, server: Server, facts: ServerFacts) -> Script:
        rights = self._rights(facts.major)
        there = server.answer([Query(sql=_ROLE_IS_THERE, params={"role": self._role})])[0]
        rows = () if isinstance(there, QueryError) else there.rows
        if rows and rows[0][0] is True:
            return self._script((facts.major,), (), rights, asked=True, trouble=_SUPERUSER)
        wanted = list(self._on_server(rights, facts))
        grants: list[Grant | None] = [None if rows else self._role_line()]
        tests = [Query(sql=f"select ({test})", params={"role": self._role}, database=grant.database)
                 for grant, test in wanted]  # fmt: skip
        answers = server.answer(tests) if rows else [QueryError(message="")] * len(tests)
        for (grant, _), answer in zip(wanted, answers, strict=True):
            if isinstance(answer, QueryError) or answer.rows[0][0] is not True:
                grants.append(grant)
        return self._script((facts.major,), grants, rights, asked=True)

    def _on_server(self, rights: Sequence[Right], facts: ServerFacts) -> Iterator[tuple[Grant, str]]:
        """Every statement, and the condition that makes it needless."""
        role = quote_identifier(self._role)
        visited = facts.visited(self._target.databases) if _visits(self._jobs) else ()
        for name in dict.fromkeys((facts.database, *visited)):
            literal = "'" + name.replace("'", "''") + "'"
            grant = Grant(sql=f"grant connect on database {quote_identifier(name)} to {role};")
            yield grant, f"has_database_privilege(cast(:role as name), {literal}, 'connect')"
        for right in rights:
            places = {"server": ("",), "own": (facts.database,), "each": visited}[right.place]
            for place in places if right.sql else ():
                yield Grant(sql=right.sql, jobs=right.jobs, database=place), right.test


_SUPERUSER = "the role is a superuser and lacks nothing; the jobs need less: --role NAME prints the SQL for another one"
_CONNECT_EACH = """\
do $grants$
declare visited name;
begin
  for visited in select datname from pg_database where datallowconn and not datistemplate loop
    execute format('grant connect on database %I to %I', visited, {literal});
  end loop;
end $grants$;"""


def _visits(jobs: Sequence[Job]) -> bool:
    return any(job.scope.value == "database" for job in jobs)


def _fits(job: Job, major: int) -> bool:
    low, high = job.requires.version or (0, None)
    return low <= major and (high is None or major <= high)


def as_sql(script: Script) -> Iterator[str]:
    """A script for psql: comments say what each statement is for."""
    versions = f"PostgreSQL {script.majors[0]}" + (f" to {script.majors[-1]}" if len(script.majors) > 1 else "")
    yield f"-- target {script.target} ({script.address}), role {quote_identifier(script.role)}, {versions}"
    if script.trouble:
        yield f"-- {' '.join(script.trouble.split())}"
    if script.asked and not script.grants and not script.trouble:
        yield "-- nothing is missing"
    elif script.grants:
        yield f"-- {'What is missing' if script.asked else 'All that is needed'}, for a superuser to run in psql."
    for database, grants in groupby(script.grants, key=lambda grant: grant.database):
        if database == EACH:
            yield "-- In each database that is visited:"
        elif database:
            yield f"\\connect {quote_identifier(database)}"
        for grant in grants:
            yield from ([f"-- for {_some(grant.jobs)}"] if grant.jobs else [])
            yield grant.sql
    for note in script.notes:
        yield f"-- {_some(note.jobs)}: {note.text}"


def _some(jobs: Sequence[str]) -> str:
    more = len(jobs) - 4
    return ", ".join(jobs[:4]) + (f" and {more} more" if more > 0 else "")
