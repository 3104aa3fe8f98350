"""The rights that jobs need of the role they connect as, read from what the jobs themselves ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, Literal, TypeAlias

from runner.api import Job, Scope
from runner.kinds.maintenance.spec import MaintenanceSpec, SqlStep
from runner.model.sql_text import quote_identifier
from runner.model.sql_variants import SqlVariants
from runner.records import dataclass

MONITOR: Final = "pg_monitor"
IN_MONITOR: Final = frozenset({MONITOR, "pg_read_all_settings", "pg_read_all_stats", "pg_stat_scan_tables"})
"""What a member of pg_monitor has."""

NEVER: Final = {
    "pg_read_all_data": "it reads every table, the passwords of pg_authid among them",
    "pg_write_all_data": "it writes every table",
    "pg_read_server_files": "it reads every file of the server",
    "pg_execute_server_program": "it is as good as a superuser on the host",
}
"""Roles that are not handed out, whatever a job asks for, and why."""

_SECRET_TABLES = frozenset({"pg_authid", "pg_shadow", "pg_user_mapping", "pg_user_mappings", "pg_statistic"})
# `has_table_privilege('t', 'select')`, the name perhaps in to_regclass(), as preconditions write it.
_PRIVILEGE = re.compile(
    r"has_(?P<what>table|function|column)_privilege\(\s*(?P<guard>to_reg\w+\(\s*)?'(?P<name>[^']+)'", re.IGNORECASE
)
_ASKS = re.compile(r"has_(?!sequence)\w+_privilege\(\s*(?!to_reg|')", re.IGNORECASE)
_ROLE = re.compile(r"pg_has_role\(\s*'(?P<name>[^']+)'\s*,\s*'(?:usage|member)'", re.IGNORECASE)
_SEQUENCES = re.compile(r"has_sequence_privilege\(|\bpg_sequences\b|\bpg_sequence_last_value\(", re.IGNORECASE)
_STATISTICS = re.compile(r"\bpg_stats\b", re.IGNORECASE)

_EACH_SEQUENCE = """\
do $grants$
declare schema name;
begin
  for schema in select nspname from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema' loop
    execute format('grant select on all sequences in schema %I to %I', schema, {literal});
  end loop;
end $grants$;"""
_SEES_SEQUENCES = """\
not exists (select from pg_sequence s join pg_class c on c.oid = s.seqrelid join pg_namespace n on n.oid = c.relnamespace
            where n.nspname !~ '^pg_' and not has_sequence_privilege(cast(:role as name), s.seqrelid, 'select'))"""


Place: TypeAlias = Literal["server", "own", "each"]
"""Where a right is given: anywhere on the server, in the target's own database, or in each one that is visited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """A statement that gives a right, and a condition (on `:role`) that is true when the role has it.

    Without a statement it is a right that is not given, and `why` says so. `since` and `until` are the major versions
    that know it, both inclusive.
    """

    sql: str = ""
    test: str = ""
    why: str = ""
    place: Place = "server"
    since: int = 0
    until: int = 999
    jobs: tuple[str, ...] = ()


def needed(jobs: Sequence[Job], role: str) -> tuple[Right, ...]:
    """What these jobs need, each right once with the names of all jobs that need it."""
    found: dict[Right, list[str]] = {}
    for job in jobs:
        for right in dict.fromkeys(_of_job(job, role)):
            found.setdefault(right, []).append(job.name)
    return tuple(replace(right, jobs=tuple(names)) for right, names in found.items())


def _of_job(job: Job, role: str) -> Iterator[Right]:
    place: Place = "each" if job.scope is Scope.DATABASE else "own"
    quoted = quote_identifier(role)
    conditions = f"{job.applies_if}\n{job.precondition}"
    texts = "\n".join((conditions, *_queries(job)))
    roles = {*job.requires.grants, *(found["name"] for found in _ROLE.finditer(conditions))}
    for name in sorted({MONITOR if name in IN_MONITOR else name for name in roles}):
        yield _membership(name, quoted)
    for found in _PRIVILEGE.finditer(conditions):
        yield _privilege(found, quoted, place)
    if _ASKS.search(job.precondition):
        yield Right(
            why="may need rights on objects that its precondition looks up: `runner doctor` asks it on the server"
        )
    if _SEQUENCES.search(texts):
        yield Right(sql=_EACH_SEQUENCE.replace("{literal}", _literal(role)), test=_SEES_SEQUENCES, place=place)
    if _STATISTICS.search(texts):
        yield Right(
            why="sees the statistics of those columns only that the role may select from: grant select on the tables"
        )
    if isinstance(job.spec, MaintenanceSpec):
        yield from _maintenance(job.spec, role, place)


def _literal(role: str) -> str:
    return "'" + role.replace("'", "''") + "'"


def _queries(job: Job) -> Iterator[str]:
    spec: Any = job.spec
    for key in ("sql", "detail"):
        variants = getattr(spec, key, None)
        yield from variants.variants.values() if isinstance(variants, SqlVariants) else ()


def _membership(name: str, quoted: str) -> Right:
    if name in NEVER:
        return Right(why=f"asks for {name}, which is not given: {NEVER[name]}")
    shown = name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else quote_identifier(name)
    return Right(sql=f"grant {shown} to {quoted};", test=f"pg_has_role(cast(:role as name), {_literal(name)}, 'usage')")


def _privilege(found: re.Match[str], quoted: str, place: Place) -> Right:
    name, what = found["name"], found["what"].lower()
    if what == "column" or name in _SECRET_TABLES:
        return Right(why=f"reads {name}, which only a superuser should: let it run on a target that connects as one")
    if what == "function":
        given, finder, privilege = "execute on function", "to_regprocedure" if "(" in name else "to_regproc", "execute"
    else:
        given, finder, privilege = "select on", "to_regclass", "select"
    there = f"{finder}({_literal(name)})"
    grant = f"grant {given} {name} to {quoted};"
    test = f"has_{what}_privilege(cast(:role as name), {there}::oid, '{privilege}')"
    if found["guard"]:
        grant = f"do $grants$ begin\n  if {there} is not null then {grant} end if;\nend $grants$;"
        test = f"{there} is null or {test}"
    return Right(sql=grant, test=test, place=place)


def _maintenance(spec: MaintenanceSpec, role: str, place: Place) -> Iterator[Right]:
    if any(not isinstance(step, SqlStep) for step in spec.steps):
        yield replace(_membership("pg_maintain", quote_identifier(role)), since=17)
        yield Right(sql=_EACH_OWNER.replace("{literal}", _literal(role)), test=_OWNS_ALL, place=place, until=16)
    if any(isinstance(step, SqlStep) for step in spec.steps):
        yield Right(why="has statements of its own, and what these need only their author knows")


# Before 17 only a table's owner, its database's owner and superusers may vacuum; a superuser's membership is not given.
_EACH_OWNER = """\
do $grants$
declare owner name;
begin
  for owner in select distinct pg_get_userbyid(c.relowner) from pg_class c join pg_namespace n on n.oid = c.relnamespace
               where c.relkind in ('r', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
                 and not (select rolsuper from pg_roles r where r.oid = c.relowner)
                 and not pg_has_role({literal}, c.relowner, 'usage') loop
    execute format('grant %I to %I', owner, {literal});
  end loop;
end $grants$;"""
_OWNS_ALL = """\
not exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_roles o on o.oid = c.relowner
            where c.relkind in ('r', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
              and not o.rolsuper and not pg_has_role(cast(:role as name), c.relowner, 'usage'))"""
