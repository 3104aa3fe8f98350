"""Which indexes are rebuilt and why, and what interrupted rebuilds have left behind."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from runner.kinds.maintenance.choose import NOBODY, means
from runner.kinds.maintenance.facts import Relation
from runner.kinds.maintenance.spec import ReindexStep
from runner.model.quantity import show_bytes, show_ratio
from runner.records import dataclass

# What the entries of a b-tree need: for each a line pointer (4), a header (8) and its columns, aligned to 8 bytes; a page
# has 8192 - 24 - 16 bytes for them, filled to the fill factor. Deduplicated entries need less, so an index with many
# equal entries is never called bloated by mistake. Statistics are those that pg_stats shows to who may read the table.
INDEXES_SQL = """
with held as materialized (
  select distinct relation from pg_locks where mode = 'AccessExclusiveLock' and relation is not null
), widths as (
  select i.indexrelid, sum(case when a.attlen > 0 then a.attlen
                                else p.avg_width * (1 - p.null_frac) end) as width, bool_and(a.attlen > 0 or p.avg_width is not null) as known
  from pg_index i
  join pg_class x on x.oid = i.indexrelid
  join pg_class t on t.oid = i.indrelid
  join pg_namespace n on n.oid = t.relnamespace
  join pg_attribute a on a.attrelid = i.indexrelid and a.attnum > 0
  left join pg_attribute o on o.attrelid = i.indrelid and o.attnum = i.indkey[a.attnum - 1] and o.attnum > 0
  left join pg_stats p on p.schemaname = n.nspname and not p.inherited
   and p.tablename = case when o.attname is null then x.relname else t.relname end
   and p.attname = coalesce(o.attname, a.attname)
  group by i.indexrelid
)
select c.oid::bigint as oid, n.nspname as schema, c.relname as name, t.oid::bigint as table_oid,
       t.relname as table_name, tn.nspname as table_schema, pg_get_userbyid(t.relowner) as owner,
       tn.nspname in ('pg_catalog', 'information_schema') as system, n.nspname ~ '^pg_toast' as toast,
       i.indisvalid as valid, exists (select from pg_constraint x where x.conindid = c.oid and x.contype = 'x')
         as exclusion, m.amname as method, c.reltuples::float8 as entries,
       c.relpages::bigint * current_setting('block_size')::bigint as size,
       case when m.amname = 'btree' and w.known and c.reltuples > 0 then
         (1 + ceil(c.reltuples * (12 + ceil(w.width / 8.0) * 8)
           / ((current_setting('block_size')::int - 40) * coalesce(
                (select option_value::float8 from pg_options_to_table(c.reloptions) where option_name = 'fillfactor'), 90)
              / 100)))::bigint * current_setting('block_size')::bigint end as needed,
       exists (select from pg_stat_progress_create_index g where g.index_relid = c.oid or g.relid = t.oid) as being_built,
       exists (select from held h where h.relation in (c.oid, t.oid)) as locked,
       pg_has_role(t.relowner, 'usage') or (d.owned and not t.relisshared) as owned, {maintain} as maintains, c.relfilenode::bigint as file
from pg_index i
join pg_class c on c.oid = i.indexrelid and c.relkind = 'i'
join pg_namespace n on n.oid = c.relnamespace
join pg_class t on t.oid = i.indrelid
join pg_namespace tn on tn.oid = t.relnamespace
join pg_am m on m.oid = c.relam
left join widths w on w.indexrelid = c.oid
cross join (select pg_has_role(datdba, 'usage') as owned from pg_database where datname = current_database()) d
where c.relpersistence <> 't'
"""
_LEFTOVER = re.compile(r"(?P<base>.+)_cc(?P<which>new|old)\d*")


def indexes_sql(major: int) -> str:
    """The query for every index of the database."""
    maintain = "has_table_privilege(t.oid, 'maintain')" if major >= 17 else "false"
    return INDEXES_SQL.replace("{maintain}", maintain)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFacts(Relation):
    """One index; `needed` are the bytes that its entries would take when it is new, None when that is not known."""

    table_oid: int = 0
    table_name: str = ""
    table_schema: str = ""
    toast: bool = False
    valid: bool = True
    exclusion: bool = False
    method: str = "btree"
    entries: float = 0
    size: int = 0
    needed: int | None = None
    being_built: bool = False
    locked: bool = False

    @property
    def is_parent(self) -> bool:
        return False

    @property
    def waste(self) -> int:
        """The bytes that a rebuild is expected to give back."""
        return 0 if self.needed is None else max(0, self.size - self.needed)

    @property
    def bloat(self) -> float:
        return self.waste / self.size if self.size else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenIndex:
    """An index and why it was taken."""

    table: IndexFacts
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """An invalid index that an interrupted rebuild left; `why_kept` is empty when it may be dropped."""

    index: IndexFacts
    why_kept: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSelection:
    """What a reindex step will do. `refused` are those that PostgreSQL cannot rebuild beside others' work."""

    chosen: tuple[ChosenIndex, ...] = ()
    leftovers: tuple[Leftover, ...] = ()
    refused: tuple[ChosenIndex, ...] = ()
    missing: tuple[str, ...] = ()
    put_off: int = 0
    looked_at: int = 0


def read_indexes(rows: Iterable[Mapping[str, object]]) -> list[IndexFacts]:
    """The rows of `indexes_sql` as facts."""
    return [IndexFacts(**row) for row in rows]  # type: ignore[arg-type]


def select_indexes(
    step: ReindexStep,
    indexes: Sequence[IndexFacts],
    *,
    named: Mapping[tuple[str, str], str] = NOBODY,
    first: Collection[tuple[str, ...]] = (),
) -> IndexSelection:
    """The indexes of the step, those that the last run left undone first, then invalid ones, then by waste."""
    left = leftovers(indexes)
    gone = {item.index.oid for item in left}
    usable = [index for index in indexes if index.oid not in gone and not index.being_built]
    reasons = {index.oid: _reason(step, index, named) for index in usable}
    wanted = [ChosenIndex(table=index, reason=reasons[index.oid]) for index in usable if reasons[index.oid]]
    chosen = sorted((item for item in wanted if not _why_not(item.table)), key=lambda item: _place(item.table, first))
    most = len(chosen) if step.most is None else step.most
    return IndexSelection(
        chosen=tuple(chosen[:most]),
        leftovers=tuple(left),
        refused=tuple(
            ChosenIndex(table=item.table, reason=_why_not(item.table)) for item in wanted if _why_not(item.table)
        ),
        missing=_missing(step, indexes, named),
        put_off=len(chosen) - len(chosen[:most]),
        looked_at=len([index for index in usable if not index.system and not index.toast]),
    )


def leftovers(indexes: Sequence[IndexFacts]) -> list[Leftover]:
    """Invalid indexes named `…_ccnew` and `…_ccold`, as REINDEX CONCURRENTLY names what it works with."""
    names = {(index.table_oid, index.name) for index in indexes}
    found = []
    for index in indexes:
        match = _LEFTOVER.fullmatch(index.name)
        if index.valid or match is None:
            continue
        # A long name was cut to make room for the suffix.
        others = [name for oid, name in names if oid == index.table_oid and name != index.name]
        known = any(name.startswith(match["base"]) for name in others)
        why = "" if known else f"its table has no index {match['base']} that it could be a copy of"
        if index.being_built:
            why = "an index of its table is being built right now"
        elif not index.may:
            why = f"its table belongs to {index.owner}"
        found.append(Leftover(index=index, why_kept=why))
    return found


def _reason(step: ReindexStep, index: IndexFacts, named: Mapping[tuple[str, str], str]) -> str:
    choice = step.indexes
    if choice.mode == "listed":
        hit = next((name for name in choice.names if _means(name, index)), "")
        return f"listed as {hit}" if hit else ""
    if choice.mode in ("sql", "findings"):
        return named.get(index.key, "")
    if not index.valid:
        return "invalid: every write keeps it, and no query uses it"
    if index.system or index.toast:
        return ""
    if choice.mode == "all":
        return "all indexes"
    if choice.mode == "bloated" and index.size >= step.min_size and index.bloat > step.bloat:
        return (
            f"about {show_bytes(index.waste)} of {show_bytes(index.size)} ({show_ratio(index.bloat)}) hold no entries"
        )
    return ""


def _means(name: str, index: IndexFacts) -> bool:
    """The index itself, or all indexes of the table of that name."""
    hidden = index.system or index.toast
    return means(name, index.title, system=hidden) or means(
        name, f"{index.table_schema}.{index.table_name}", system=hidden
    )


def _missing(step: ReindexStep, indexes: Sequence[IndexFacts], named: Mapping[tuple[str, str], str]) -> tuple[str, ...]:
    if step.indexes.mode == "sql":
        known = {index.key for index in indexes}
        return tuple(f"{schema}.{name}" for schema, name in named if (schema, name) not in known)
    if step.indexes.mode == "findings":
        # A problem may outlive its index for a while.
        return ()
    return tuple(name for name in step.indexes.names if not any(_means(name, index) for index in indexes))


def _why_not(index: IndexFacts) -> str:
    """Why PostgreSQL refuses to rebuild it concurrently."""
    if index.system:
        return "indexes of the system catalogues cannot be rebuilt concurrently"
    return "indexes of exclusion constraints cannot be rebuilt concurrently" if index.exclusion else ""


def _place(index: IndexFacts, first: Collection[tuple[str, ...]]) -> tuple[object, ...]:
    return (index.key not in first, index.valid, -index.waste, -index.size, index.key)
