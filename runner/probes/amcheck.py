"""Whether tables and indexes are sound: the extension amcheck reads them, one relation in one query."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence

from runner.api import Answer, Options, Query, QueryError, Row, RunContext, RunnerError
from runner.records import dataclass

DEFAULT_SECONDS = 60.0
# Pages that cannot be read, and indexes whose order is broken: PostgreSQL documentation, "Error Codes", class XX.
_CORRUPTED = frozenset({"XX001", "XX002"})
_CANNOT_TELL = {
    "57014": "was not read within the time for one relation",
    "55P03": "is locked and was not read",
    "42501": "may not be read by this role",
}
# Size is what the last vacuum or analyze counted: asking for the file's would wait for locks.
_RELATIONS = """
select c.oid::bigint as relation, n.nspname::text as schema, c.relname::text as name,
       case c.relkind when 'i' then 'index' else 'table' end as kind, e.nspname::text as functions,
       c.relpages::bigint * current_setting('block_size')::bigint > pg_size_bytes(:max_size) as large
from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_am a on a.oid = c.relam
  left join pg_index i on i.indexrelid = c.oid
  cross join (select s.nspname from pg_extension x join pg_namespace s on s.oid = x.extnamespace
              where x.extname = 'amcheck') e
where ((c.relkind = 'i' and a.amname = 'btree' and i.indisvalid and i.indisready)
       or (c.relkind in ('r', 'm', 't') and a.amname = 'heap'))
  and c.relpersistence <> 't' and not (c.relpersistence = 'u' and pg_is_in_recovery())
order by c.relpages desc, c.oid
"""
_OF_KIND = {
    "index": 'select null::text as found from :"functions".bt_index_check(cast(:relation as bigint)::oid::regclass)',
    "table": """
select min('block ' || coalesce(blkno::text, '?') || ': ' || msg) as found
from :"functions".verify_heapam(cast(:relation as bigint)::oid::regclass, true)
""",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A table or index of one database; `functions` is the schema of the extension."""

    database: str
    relation: int
    schema: str
    name: str
    kind: str
    functions: str
    large: bool


def fetch(context: RunContext, options: Options) -> Generator[Sequence[Query], Sequence[Answer], Iterable[Row]]:
    """One row a relation: `sound` is null, and `told` says why, for one that could not be read.

    Relations above `params.max_size` are left out, and their number stands in `left_out`. Raises RunnerError
    when a database does not say what it has.
    """
    params = {"max_size": str(context.params.get("max_size", "1GB"))}
    answers = yield [Query(sql=_RELATIONS, params=params, database=name) for name in context.databases]
    known = [each for name, answer in zip(context.databases, answers, strict=True) for each in _listed(name, answer)]
    wanted = [each for each in known if not each.large]
    seconds = float(options.get("seconds", DEFAULT_SECONDS))
    found = yield [_question(each, seconds) for each in wanted]
    left_out = len(known) - len(wanted)
    rows = (_row(each, answer, left_out) for each, answer in zip(wanted, found, strict=True))
    return [row for row in rows if row]


def _listed(database: str, answer: Answer) -> Iterator[Relation]:
    if isinstance(answer, QueryError):
        raise RunnerError(f"the relations of {database or 'the database'} cannot be listed: {answer}", hint=answer.hint)
    for row in answer.rows:
        yield Relation(database=database, **dict(zip(answer.columns, row, strict=True)))  # type: ignore[arg-type]


def _question(each: Relation, seconds: float) -> Query:
    params = {"relation": each.relation, "functions": each.functions}
    return Query(sql=_OF_KIND[each.kind], params=params, database=each.database, timeout=seconds)


def _row(each: Relation, answer: Answer, left_out: int) -> Row | None:
    """None for a relation that was dropped meanwhile."""
    sound, told = _verdict(answer)
    if "could not open relation" in told:
        return None
    named = {"database": each.database, "schema": each.schema, "name": each.name, "kind": each.kind}
    return {**named, "sound": sound, "told": told, "left_out": left_out}


def _verdict(answer: Answer) -> tuple[bool | None, str]:
    if isinstance(answer, QueryError):
        if answer.sqlstate in _CORRUPTED:
            return False, answer.message
        return None, _CANNOT_TELL.get(answer.sqlstate, str(answer))
    told = str(answer.rows[0][0] or "") if answer.rows else ""
    return not told, told
