"""What the server knows about each table, and why a table needs to be vacuumed or analyzed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from runner.model.quantity import show_number
from runner.records import dataclass

SETTINGS_SQL = """
select name, setting from pg_settings
where name like 'autovacuum%' or name = 'track_counts'
"""
XID_LIMIT = "autovacuum_freeze_max_age"
MXID_LIMIT = "autovacuum_multixact_freeze_max_age"

# Nothing here opens a relation, so that one locked table cannot keep the others waiting. The functions are those that the
# view pg_stat_all_tables is made of; for hundreds of tables they take a fraction of its time.
TABLES_SQL = """
select c.oid::bigint as oid, n.nspname as schema, c.relname as name, c.relkind::text as kind,
       n.nspname in ('pg_catalog', 'information_schema') as system, c.relpersistence = 't' as temporary,
       pg_get_userbyid(c.relowner) as owner, c.relpages::bigint + coalesce(t.relpages, 0) as pages,
       {frozen}::bigint as frozen, c.reltuples::float8 as rows, coalesce(c.reloptions, '{}') as options,
       case when c.relkind <> 'p' then greatest(age(c.relfrozenxid), age(t.relfrozenxid)) end as xid_age,
       case when c.relkind <> 'p' then greatest(mxid_age(c.relminmxid), mxid_age(t.relminmxid)) end as mxid_age,
       pg_stat_get_dead_tuples(c.oid) as dead, pg_stat_get_live_tuples(c.oid) as live,
       pg_stat_get_mod_since_analyze(c.oid) as changed, pg_stat_get_ins_since_vacuum(c.oid) as inserted,
       coalesce(pg_stat_get_dead_tuples(t.oid), 0) as toast_dead, coalesce(t.reltuples, 0)::float8 as toast_rows,
       coalesce(pg_stat_get_last_vacuum_time(c.oid), pg_stat_get_last_autovacuum_time(c.oid)) is not null as vacuumed,
       coalesce(pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid)) is not null as analyzed,
       pg_stat_get_vacuum_count(c.oid) as vacuums, pg_stat_get_analyze_count(c.oid) as analyzes,
       c.relfilenode::bigint as file,
       case when c.relispartition
            then array(select a.relid::oid::bigint from pg_partition_ancestors(c.oid) a) else '{}' end as parents,
       c.relhassubclass as has_children,
       pg_has_role(c.relowner, 'usage') or (d.owned and not c.relisshared) as owned, {maintain} as maintains
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_class t on t.oid = c.reltoastrelid
cross join (select pg_has_role(datdba, 'usage') as owned from pg_database where datname = current_database()) d
where c.relkind in ('r', 'm', 'p') and n.nspname !~ '^pg_toast'
  and (c.relpersistence <> 't' or c.relnamespace <> pg_my_temp_schema())
"""


def tables_sql(major: int) -> str:
    """The query for every table of the database that VACUUM or ANALYZE could work on."""
    maintain = "has_table_privilege(c.oid, 'maintain')" if major >= 17 else "false"
    return TABLES_SQL.replace("{maintain}", maintain).replace("{frozen}", "c.relallfrozen" if major >= 18 else "0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """What is known of a table and of an index alike; `may` says whether this role may work on it."""

    oid: int
    schema: str
    name: str
    system: bool = False
    owner: str = ""
    owned: bool = True
    maintains: bool = False
    file: int = 0

    @property
    def key(self) -> tuple[str, str]:
        return (self.schema, self.name)

    @property
    def title(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def may(self) -> bool:
        return self.owned or self.maintains


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFacts(Relation):
    """One table as the catalogue and the statistics describe it; `rows` is -1 when nobody ever counted.

    `vacuums` and `analyzes` count those by hand, `file` changes when the table is rewritten. The ages are those of the
    table or of its TOAST table, whichever is older, and `frozen` are the pages that are known to be.
    """

    kind: str = "r"
    temporary: bool = False
    pages: int = 0
    frozen: int = 0
    rows: float = -1
    options: Mapping[str, str] = field(default_factory=dict)
    xid_age: int | None = None
    mxid_age: int | None = None
    dead: int = 0
    live: int = 0
    changed: int = 0
    inserted: int = 0
    toast_dead: int = 0
    toast_rows: float = 0
    vacuumed: bool = False
    analyzed: bool = False
    vacuums: int = 0
    analyzes: int = 0
    parents: tuple[int, ...] = ()
    has_children: bool = False

    @property
    def table_oid(self) -> int:
        """What is locked while somebody works on it."""
        return self.oid

    @property
    def is_parent(self) -> bool:
        """Partitioned: it has no rows of its own, only statistics over its partitions."""
        return self.kind == "p"


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
    """Why the table needs VACUUM, empty when it does not: its own autovacuum triggers, its age, its past."""
    if table.is_parent:
        return ""
    return (
        _over(table, settings, "vacuum", table.dead, table.rows, "dead rows")
        or _over(table, settings, "vacuum", table.toast_dead, table.toast_rows, "dead rows in its TOAST table")
        or age_reason(table, settings)
        or _over(table, settings, "vacuum_insert", table.inserted, table.rows, "rows inserted since vacuum")
        or ("" if table.vacuumed else _never(table, "vacuumed"))
    )


def age_reason(table: TableFacts, settings: Mapping[str, str], xid_age: float = 0.5, mxid_age: float = 0.5) -> str:
    """Why the table should be frozen: older than so many transactions, or than that share (below 1) of its limit."""
    for age, wanted, setting, what in (
        (table.xid_age, xid_age, XID_LIMIT, "transaction age"),
        (table.mxid_age, mxid_age, MXID_LIMIT, "multixact age"),
    ):
        limit = _number(table, settings, setting)
        least = wanted * limit if wanted < 1 else wanted
        if age is not None and least and age > least:
            share = "half" if wanted == 0.5 else f"{wanted:.0%}"
            than = f"more than {share} of {setting}" if wanted < 1 else f"more than {show_number(round(least))}"
            return f"{what} {show_number(age)}, {than}"
    return ""


def urgency(table: TableFacts, settings: Mapping[str, str]) -> float:
    """How near the table is to the age at which autovacuum forces itself upon it: 1 is there."""
    ages = ((table.xid_age, XID_LIMIT), (table.mxid_age, MXID_LIMIT))
    limits = [(age or 0, _number(table, settings, setting)) for age, setting in ages]
    return max((age / limit for age, limit in limits if limit), default=0.0)


def analyze_reason(table: TableFacts, settings: Mapping[str, str]) -> str:
    """Why the table needs ANALYZE, empty when it does not."""
    if table.is_parent:
        return "" if table.analyzed else "never analyzed, and autovacuum never does it for a partitioned table"
    over = _over(table, settings, "analyze", table.changed, table.rows, "rows changed since analyze")
    return over or ("" if table.analyzed else _never(table, "analyzed"))


def _over(table: TableFacts, settings: Mapping[str, str], what: str, found: int, rows: float, words: str) -> str:
    """Whether a counter is beyond the table's own trigger, in words."""
    trigger = _trigger(table, settings, what, rows)
    if trigger is None or found <= trigger:
        return ""
    return f"{show_number(found)} {words}, its trigger is {show_number(round(trigger))}"


def _never(table: TableFacts, what: str) -> str:
    if table.rows > 0 or table.live > 0 or table.pages > 0:
        return f"never {what}, although it has rows"
    return f"never {what}, and nothing says whether it has rows" if table.rows < 0 else ""


def _trigger(table: TableFacts, settings: Mapping[str, str], what: str, rows: float) -> float | None:
    """PostgreSQL documentation, "The Autovacuum Daemon"; -1 switches the one for inserts off."""
    base = _number(table, settings, f"autovacuum_{what}_threshold", default=-1.0)
    if base < 0:
        return None
    share = _number(table, settings, f"autovacuum_{what}_scale_factor")
    if what == "vacuum_insert" and table.pages:
        # From 18 on only the share of pages that are not frozen counts; before, nobody knows how many are.
        share *= 1 - min(1.0, table.frozen / table.pages)
    found = base + share * max(rows, 0.0)
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
