"""What the server knows about each table, and why a table needs to be vacuumed or analyzed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from runner.model.quantity import show_number

SETTINGS_SQL = """
select name, setting from pg_settings
where name like 'autovacuum%' or name = 'track_counts'
"""

# Nothing here opens a relation, so that one locked table cannot keep the others waiting.
TABLES_SQL = """
select c.oid::bigint as oid, n.nspname as schema, c.relname as name, c.relkind::text as kind,
       n.nspname in ('pg_catalog', 'information_schema') as system,
       c.relpages::bigint + coalesce(t.relpages, 0) as pages, c.reltuples::float8 as rows,
       coalesce(c.reloptions, '{}') as options,
       case when c.relkind <> 'p' then age(c.relfrozenxid) end as xid_age,
       case when c.relkind <> 'p' then mxid_age(c.relminmxid) end as mxid_age,
       coalesce(s.n_dead_tup, 0) as dead, coalesce(s.n_live_tup, 0) as live,
       coalesce(s.n_mod_since_analyze, 0) as changed,
       coalesce(s.last_vacuum, s.last_autovacuum) is not null as vacuumed,
       coalesce(s.last_analyze, s.last_autoanalyze) is not null as analyzed,
       array(select a.relid::oid::bigint from pg_partition_ancestors(c.oid) a where c.relispartition) as parents,
       pg_has_role(c.relowner, 'usage')
         or exists (select from pg_database d
                    where d.datname = current_database() and pg_has_role(d.datdba, 'usage')) as owned,
       {maintain} as maintains
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_class t on t.oid = c.reltoastrelid
left join pg_stat_all_tables s on s.relid = c.oid
where c.relkind in ('r', 'm', 'p') and c.relpersistence <> 't' and n.nspname !~ '^pg_(toast|temp)'
"""


def tables_sql(major: int) -> str:
    """The query for every table of the database that VACUUM or ANALYZE could work on."""
    return TABLES_SQL.replace("{maintain}", "has_table_privilege(c.oid, 'maintain')" if major >= 17 else "false")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFacts:
    """One table as the catalogue and the statistics describe it; `rows` is -1 when nobody ever counted."""

    oid: int
    schema: str
    name: str
    kind: str = "r"
    system: bool = False
    pages: int = 0
    rows: float = -1
    options: Mapping[str, str] = field(default_factory=dict)
    xid_age: int | None = None
    mxid_age: int | None = None
    dead: int = 0
    live: int = 0
    changed: int = 0
    vacuumed: bool = False
    analyzed: bool = False
    parents: tuple[int, ...] = ()
    owned: bool = True
    maintains: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return (self.schema, self.name)

    @property
    def title(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def is_parent(self) -> bool:
        """Partitioned: it has no rows of its own, only statistics over its partitions."""
        return self.kind == "p"

    @property
    def may(self) -> bool:
        return self.owned or self.maintains


def read_facts(rows: Iterable[Mapping[str, object]]) -> list[TableFacts]:
    """The rows of `tables_sql` as facts."""
    found = []
    for row in rows:
        values = dict(row)
        values["options"] = read_options(values["options"])
        values["parents"] = tuple(_items(values["parents"]))
        found.append(TableFacts(**values))  # type: ignore[arg-type]
    return found


def read_options(options: object) -> dict[str, str]:
    """`{autovacuum_enabled=false}` as a mapping."""
    return dict(str(item).split("=", 1) for item in _items(options) if "=" in str(item))


def vacuum_reason(table: TableFacts, settings: Mapping[str, str]) -> str:
    """Why the table needs VACUUM, empty when it does not: its own autovacuum trigger, its age, its past."""
    if table.is_parent:
        return ""
    trigger = _trigger(table, settings, "vacuum")
    if table.dead > trigger:
        return f"{show_number(table.dead)} dead rows, its trigger is {show_number(round(trigger))}"
    for age, setting, what in (
        (table.xid_age, "autovacuum_freeze_max_age", "transaction age"),
        (table.mxid_age, "autovacuum_multixact_freeze_max_age", "multixact age"),
    ):
        limit = _number(table, settings, setting)
        if age is not None and limit and age > limit / 2:
            return f"{what} {show_number(age)}, more than half of {setting}"
    if not table.vacuumed:
        return _never(table, "vacuumed")
    return ""


def analyze_reason(table: TableFacts, settings: Mapping[str, str]) -> str:
    """Why the table needs ANALYZE, empty when it does not."""
    if table.is_parent:
        return "" if table.analyzed else "never analyzed, and autovacuum never does it for a partitioned table"
    trigger = _trigger(table, settings, "analyze")
    if table.changed > trigger:
        return f"{show_number(table.changed)} rows changed since analyze, its trigger is {show_number(round(trigger))}"
    return "" if table.analyzed else _never(table, "analyzed")


def _never(table: TableFacts, what: str) -> str:
    if table.rows > 0 or table.live > 0 or table.pages > 0:
        return f"never {what}, although it has rows"
    return f"never {what}, and nothing says whether it has rows" if table.rows < 0 else ""


def _trigger(table: TableFacts, settings: Mapping[str, str], what: str) -> float:
    """PostgreSQL documentation, "The Autovacuum Daemon"; the maximum exists from 18 on."""
    base = _number(table, settings, f"autovacuum_{what}_threshold")
    share = _number(table, settings, f"autovacuum_{what}_scale_factor")
    found = base + share * max(table.rows, 0.0)
    most = _number(table, settings, f"autovacuum_{what}_max_threshold", default=-1.0)
    return min(found, most) if most >= 0 else found


def _number(table: TableFacts, settings: Mapping[str, str], name: str, default: float = 0.0) -> float:
    text = table.options.get(name, settings.get(name))
    try:
        return default if text is None else float(text)
    except ValueError:
        return default


def _items(value: object) -> Sequence[int | str]:
    return value if isinstance(value, (list, tuple)) else ()
