"""Which tables a step works on, in which order, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from runner.kinds.maintenance.facts import TableFacts, age_reason, analyze_reason, urgency, vacuum_reason
from runner.kinds.maintenance.spec import AnalyzeStep, Choice, FreezeStep, TableStep, VacuumStep
from runner.records import dataclass

NOBODY: Final[Mapping[tuple[str, str], str]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A table and why it was taken."""

    table: TableFacts
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a step will do. `missing` are names that no table has; `looked_at` counts what could have been taken.

    `unreachable` are temporary tables that need it, and that nobody but their own session can work on.
    """

    chosen: tuple[Chosen, ...] = ()
    missing: tuple[str, ...] = ()
    unreachable: tuple[Chosen, ...] = ()
    looked_at: int = 0


def select(
    step: TableStep,
    tables: Sequence[TableFacts],
    settings: Mapping[str, str],
    *,
    named: Mapping[tuple[str, str], str] = NOBODY,
    first: Collection[tuple[str, ...]] = (),
) -> Selection:
    """The tables of the step: those that the last run left undone first, then by what is gained.

    `named` are the schemas and tables that a query or findings name, each with the reason, `first` the keys of what
    was left undone.
    """
    usable = [table for table in tables if _usable(step, table) and not table.temporary]
    user = [table for table in usable if not table.system]
    missing: tuple[str, ...] = ()
    if step.tables.mode == "all":
        chosen = [Chosen(table=table, reason="all tables") for table in user]
    elif step.tables.mode in ("sql", "findings"):
        chosen = [Chosen(table=table, reason=named[table.key]) for table in usable if table.key in named]
        known = {table.key for table in usable}
        gone = [f"{schema}.{name}" for schema, name in named if (schema, name) not in known]
        # A problem may outlive its table for a while.
        missing = tuple(gone) if step.tables.mode == "sql" else ()
    elif step.tables.mode == "listed":
        chosen, missing = _listed(step.tables, usable)
    else:
        # The oldest transaction of a database may well be the catalogue's.
        chosen = _needed(step, usable if isinstance(step, FreezeStep) else user, settings)
    return Selection(
        chosen=tuple(sorted(chosen, key=lambda item: _place(step, item.table, settings, first))),
        missing=missing,
        unreachable=tuple(_temporary(tables, settings)),
        looked_at=len(user),
    )


def _place(
    step: TableStep, table: TableFacts, settings: Mapping[str, str], first: Collection[tuple[str, ...]]
) -> tuple[object, ...]:
    """Sorts by urgency and gain. Statistics over partitions are worth gathering when the partitions are done."""
    age = urgency(table, settings)
    pressing = age if age > 0.5 or isinstance(step, FreezeStep) else 0.0
    return (table.is_parent, table.key not in first, -pressing, -gain(step, table), -pages_of(table), table.key)


def gain(step: TableStep, table: TableFacts) -> float:
    """The pages that hold what the step will mend: the table's size times the share of dead (or changed) rows."""
    worn = table.changed if isinstance(step, AnalyzeStep) else table.dead + table.toast_dead
    rows = max(table.rows, 0.0) if isinstance(step, AnalyzeStep) else table.live + table.toast_rows + worn
    return pages_of(table) * min(1.0, worn / max(rows, 1.0))


def pages_of(table: TableFacts) -> float:
    """Its size; the catalogue knows none of a table that was just filled, so that its rows have to tell."""
    return max(table.pages, (table.live + table.dead) / _ROWS_OF_A_PAGE)


_ROWS_OF_A_PAGE = 100


def _temporary(tables: Sequence[TableFacts], settings: Mapping[str, str]) -> list[Chosen]:
    """Temporary tables of sessions that live so long that they keep the database's transaction ids back."""
    found = [(table, age_reason(table, settings)) for table in tables if table.temporary]
    return [Chosen(table=table, reason=reason) for table, reason in found if reason]


def _usable(step: TableStep, table: TableFacts) -> bool:
    """VACUUM does nothing for a partitioned table itself; its statistics are what is left to gather."""
    if not table.is_parent:
        return True
    return isinstance(step, AnalyzeStep) or (isinstance(step, VacuumStep) and step.analyze)


def _needed(step: TableStep, tables: Sequence[TableFacts], settings: Mapping[str, str]) -> list[Chosen]:
    reasons = {table.oid: _reason(step, table, settings) for table in tables}
    touched = {parent for table in tables if reasons[table.oid] for parent in table.parents}
    for table in tables:
        if table.is_parent and table.oid in touched and not reasons[table.oid]:
            reasons[table.oid] = "some of its partitions are taken"
    return [Chosen(table=table, reason=reasons[table.oid]) for table in tables if reasons[table.oid]]


def _reason(step: TableStep, table: TableFacts, settings: Mapping[str, str]) -> str:
    if isinstance(step, AnalyzeStep):
        return analyze_reason(table, settings)
    if isinstance(step, FreezeStep):
        return age_reason(table, settings, step.xid_age, step.mxid_age)
    found = vacuum_reason(table, settings)
    return found or (analyze_reason(table, settings) if step.analyze else "")


def _listed(choice: Choice, tables: Sequence[TableFacts]) -> tuple[list[Chosen], tuple[str, ...]]:
    hits = {name: [table for table in tables if means(name, table.title, system=table.system)] for name in choice.names}
    found = {table.oid: Chosen(table=table, reason=f"listed as {name}") for name in hits for table in hits[name]}
    return list(found.values()), tuple(name for name in choice.names if not hits[name])


def means(name: str, title: str, *, system: bool) -> bool:
    """A pattern means what users made; a plain name without a schema means the schema public."""
    wanted = name if "." in name else f"public.{name}"
    if any(character in wanted for character in "*?["):
        return not system and fnmatchcase(title, wanted)
    return wanted == title
