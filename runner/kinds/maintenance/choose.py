"""Which tables a step works on, in which order, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from runner.kinds.maintenance.facts import TableFacts, analyze_reason, vacuum_reason
from runner.kinds.maintenance.spec import Choice, TableStep, VacuumStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A table and why it was taken."""

    table: TableFacts
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a step will do. `missing` are names that no table has; `looked_at` counts what could have been taken."""

    chosen: tuple[Chosen, ...] = ()
    missing: tuple[str, ...] = ()
    looked_at: int = 0


def select(
    step: TableStep,
    tables: Sequence[TableFacts],
    settings: Mapping[str, str],
    *,
    named: Collection[tuple[str, str]] = (),
    first: Collection[tuple[str, ...]] = (),
) -> Selection:
    """The tables of the step: those that the last run left undone first, then the biggest.

    `named` are the schema and table of each row when the choice is a query, `first` the keys of what was
    left undone.
    """
    usable = [table for table in tables if _usable(step, table)]
    user = [table for table in usable if not table.system]
    missing: tuple[str, ...] = ()
    if step.tables.mode == "all":
        chosen = [Chosen(table=table, reason="all tables") for table in user]
    elif step.tables.mode == "needed":
        chosen = _needed(step, user, settings)
    elif step.tables.mode == "sql":
        chosen = [Chosen(table=table, reason="chosen by the query") for table in usable if table.key in named]
        known = {table.key for table in usable}
        missing = tuple(f"{schema}.{name}" for schema, name in named if (schema, name) not in known)
    else:
        chosen, missing = _listed(step.tables, usable)
    ordered = sorted(chosen, key=lambda item: (item.table.key not in first, -item.table.pages, item.table.key))
    return Selection(chosen=tuple(_parents_last(ordered)), missing=missing, looked_at=len(user))


def _usable(step: TableStep, table: TableFacts) -> bool:
    """VACUUM does nothing for a partitioned table itself; its statistics are what is left to gather."""
    return not table.is_parent or not isinstance(step, VacuumStep) or step.analyze


def _needed(step: TableStep, tables: Sequence[TableFacts], settings: Mapping[str, str]) -> list[Chosen]:
    reasons = {table.oid: _reason(step, table, settings) for table in tables}
    touched = {parent for table in tables if reasons[table.oid] for parent in table.parents}
    for table in tables:
        if table.is_parent and table.oid in touched and not reasons[table.oid]:
            reasons[table.oid] = "some of its partitions are taken"
    return [Chosen(table=table, reason=reasons[table.oid]) for table in tables if reasons[table.oid]]


def _reason(step: TableStep, table: TableFacts, settings: Mapping[str, str]) -> str:
    if not isinstance(step, VacuumStep):
        return analyze_reason(table, settings)
    found = vacuum_reason(table, settings)
    return found or (analyze_reason(table, settings) if step.analyze else "")


def _listed(choice: Choice, tables: Sequence[TableFacts]) -> tuple[list[Chosen], tuple[str, ...]]:
    hits = {name: [table for table in tables if _means(name, table)] for name in choice.names}
    found = {table.oid: Chosen(table=table, reason=f"listed as {name}") for name in hits for table in hits[name]}
    return list(found.values()), tuple(name for name in choice.names if not hits[name])


def _means(name: str, table: TableFacts) -> bool:
    """A pattern means user tables only; a plain name without a schema means the schema public."""
    wanted = name if "." in name else f"public.{name}"
    if any(character in wanted for character in "*?["):
        return not table.system and fnmatchcase(table.title, wanted)
    return wanted == table.title


def _parents_last(chosen: Sequence[Chosen]) -> list[Chosen]:
    """Statistics over partitions are worth gathering when the partitions are done."""
    return sorted(chosen, key=lambda item: item.table.is_parent)
