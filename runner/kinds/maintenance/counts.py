"""The counters that prove work, of many tables or indexes in one query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from runner.api import Key, QueryError, Rows, Session
from runner.kinds.maintenance.facts import TableFacts
from runner.kinds.maintenance.indexes import IndexFacts
from runner.records import dataclass

Relation: TypeAlias = TableFacts | IndexFacts

# A size needs a lock on the relation and its indexes, so what somebody holds exclusively is not measured; `{size}` is left
# out when that changed in the very moment.
_TABLES = """
with held as materialized (
  select distinct relation from pg_locks where mode = 'AccessExclusiveLock' and relation is not null
)
select c.oid::bigint as oid, pg_stat_get_dead_tuples(c.oid) as dead, pg_stat_get_vacuum_count(c.oid) as vacuums,
       pg_stat_get_analyze_count(c.oid) as analyzes, c.relfilenode::bigint as file,
       case when c.relkind <> 'p' then greatest(age(c.relfrozenxid), age(t.relfrozenxid)) end as xid_age,
       case when c.relkind <> 'p' then greatest(mxid_age(c.relminmxid), mxid_age(t.relminmxid)) end as mxid_age,
       {size} as size
from pg_class c left join pg_class t on t.oid = c.reltoastrelid
where c.oid = any (cast(:oids as oid[]))
"""
_SIZE = """
case when not exists (select from held where relation in (c.oid, c.reltoastrelid))
      and not exists (select from held join pg_index i on i.indexrelid = held.relation
                      where i.indrelid in (c.oid, c.reltoastrelid))
     then pg_total_relation_size(c.oid) end
"""
_INDEXES = """
select n.nspname as schema, c.relname as name, c.relfilenode::bigint as file, i.indisvalid as valid,
       pg_relation_size(c.oid) as size
from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_index i on i.indexrelid = c.oid
where (n.nspname, c.relname) in (select * from unnest(cast(:schemas as text[]), cast(:names as text[])))
"""
_LOCK_NOT_AVAILABLE = "55P03"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The counters of one table or index at one moment; `size` is None when it could not be measured."""

    dead: int = 0
    vacuums: int = 0
    analyzes: int = 0
    file: int = 0
    xid_age: int | None = None
    mxid_age: int | None = None
    valid: bool = True
    size: int | None = None


def counts_of(session: Session, relations: Sequence[Relation]) -> dict[Key, Counts] | QueryError:
    """The counters of those that still exist, by their key: one round trip, however many there are."""
    if not relations:
        return {}
    if isinstance(relations[0], IndexFacts):
        return _of_indexes(session, relations)
    answer = session.execute(_TABLES.replace("{size}", _SIZE), {"oids": [item.oid for item in relations]})
    if isinstance(answer, QueryError) and answer.sqlstate == _LOCK_NOT_AVAILABLE:
        without = _TABLES.replace("{size}", "null::bigint")
        answer = session.execute(without, {"oids": [item.oid for item in relations]})
    if isinstance(answer, QueryError):
        return answer
    keys = {item.oid: item.key for item in relations}
    return {keys[int(str(row.pop("oid")))]: Counts(**row) for row in _rows(answer)}  # type: ignore[arg-type]


def _of_indexes(session: Session, relations: Iterable[Relation]) -> dict[Key, Counts] | QueryError:
    """By name: a rebuilt index is another one under the same name."""
    keys = [item.key for item in relations]
    answer = session.execute(_INDEXES, {"schemas": [key[0] for key in keys], "names": [key[1] for key in keys]})
    if isinstance(answer, QueryError):
        return answer
    found: dict[Key, Counts] = {}
    for row in _rows(answer):
        key = (str(row.pop("schema")), str(row.pop("name")))
        found[key] = Counts(**row)  # type: ignore[arg-type]
    return found


def _rows(answer: Rows) -> list[dict[str, object]]:
    return [dict(row) for row in answer.dicts()]
