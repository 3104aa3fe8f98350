"""The SQL of each step as the server's version understands it."""

from __future__ import annotations

import re

from runner.kinds.maintenance.buffers import tells_of_buffers
from runner.kinds.maintenance.facts import TableFacts
from runner.kinds.maintenance.indexes import IndexFacts
from runner.kinds.maintenance.spec import (
    AnalyzeStep,
    Cleaning,
    FreezeStep,
    ReindexStep,
    TableStep,
    VacuumStep,
    WorkStep,
)
from runner.model.sql_text import quote_identifier

# These refuse to run inside a transaction block; PostgreSQL documentation, their reference pages.
_REFUSES_TRANSACTION = re.compile(
    r"\s*(vacuum\b|(create|drop)\s+(unique\s+)?index\s+concurrently\b|reindex\b.*\bconcurrently\b"
    r"|reindex\s+(\([^)]*\)\s*)?(database|system)\b|(create|drop)\s+(database|tablespace)\b|alter\s+system\b"
    r"|cluster\s*;?\s*$|alter\s+table\b.*\bdetach\s+partition\b.*\bconcurrently\b)",
    re.IGNORECASE | re.DOTALL,
)

ONLY_DATABASE_STATS = "vacuum (only_database_stats)"


SINCE = {
    "parallel": 13,
    "process_toast": 14,
    "index_cleanup auto": 14,
    "process_main": 16,
    "buffer_usage_limit": 16,
}
"""The options that not every server knows, and the first major version that does."""

SHARE_UPDATE_EXCLUSIVE = "SHARE UPDATE EXCLUSIVE: reading and writing go on"
ACCESS_EXCLUSIVE = "ACCESS EXCLUSIVE: nobody can read or write it"


def statement_of(step: WorkStep, relation: TableFacts | IndexFacts, major: int) -> str:
    """The one statement that is the work of a step on a table or an index."""
    if isinstance(step, ReindexStep):
        return f"reindex index concurrently {_quoted(relation)}"
    assert isinstance(relation, TableFacts)
    return table_statement(step, relation, major)


def table_statement(step: TableStep, table: TableFacts, major: int) -> str:
    """VACUUM or ANALYZE of one table; partitioned tables are only analyzed."""
    if isinstance(step, AnalyzeStep) or table.is_parent:
        verbose = ["verbose"] if tells_of_buffers(step, table, major) else []
        options = [*verbose, *(["skip_locked"] if step.skip_locked else []), *_ring(step.buffer_usage_limit, major)]
        return f"analyze {_listed(options)}{_only(table, major)}{_quoted(table)}"
    return f"vacuum {_listed(_vacuum_options(step, table, major))}{_only(table, major)}{_quoted(table)}"


def _only(table: TableFacts, major: int) -> str:
    """Children are tables of their own; before 18 one cannot ask for a partitioned parent without them."""
    return "only " if major >= 18 and (table.is_parent or table.has_children) else ""


def unknown_options(step: WorkStep, major: int) -> tuple[str, ...]:
    """What the step asks for and a server of this version does not know, so that it is left out."""
    return tuple(name for name in _asked(step) if SINCE.get(name, 0) > major)


def lock_of(step: WorkStep) -> str:
    """The lock that the statement holds on the table while it works, and what that means for others."""
    return ACCESS_EXCLUSIVE if isinstance(step, VacuumStep) and step.full else SHARE_UPDATE_EXCLUSIVE


def _asked(step: WorkStep) -> list[str]:
    asked = ["buffer_usage_limit"] if getattr(step, "buffer_usage_limit", "") else []
    if isinstance(step, (VacuumStep, FreezeStep)):
        asked += [*step.flags, *(["parallel"] if step.parallel is not None else [])]
        asked += [f"index_cleanup {step.index_cleanup}"] if step.index_cleanup else []
    return asked


def _vacuum_options(step: Cleaning, table: TableFacts, major: int) -> list[str]:
    full = isinstance(step, VacuumStep) and step.full
    known = {name: on for name, on in step.flags.items() if SINCE.get(name, 0) <= major}
    cleanup = f"index_cleanup {step.index_cleanup}"
    return [
        *(["verbose"] if tells_of_buffers(step, table, major) else []),
        *(["full"] if full else []),
        *(["analyze"] if isinstance(step, VacuumStep) and step.analyze else []),
        *(["freeze"] if isinstance(step, FreezeStep) or step.freeze else []),
        *(["skip_locked"] if step.skip_locked else []),
        *([cleanup] if step.index_cleanup and SINCE.get(cleanup, 0) <= major else []),
        *(f"{name} {'on' if on else 'off'}" for name, on in known.items()),
        *([f"parallel {step.parallel}"] if step.parallel is not None else []),
        *_ring(step.buffer_usage_limit, major),
        # The database's own numbers are brought up to date once, at the end.
        *(["skip_database_stats"] if major >= 16 else []),
    ]


def _ring(limit: str, major: int) -> list[str]:
    return [f"buffer_usage_limit '{limit}'"] if limit and major >= SINCE["buffer_usage_limit"] else []


def _listed(options: list[str]) -> str:
    return f"({', '.join(options)}) " if options else ""


def _quoted(relation: TableFacts | IndexFacts) -> str:
    return f"{quote_identifier(relation.schema)}.{quote_identifier(relation.name)}"


def refuses_transaction(sql: str) -> bool:
    """Whether the statement is known to fail inside a transaction."""
    return bool(_REFUSES_TRANSACTION.match(_without_comments(sql)))


def _without_comments(sql: str) -> str:
    return re.sub(r"--[^\n]*|/\*.*?\*/", " ", sql, flags=re.DOTALL)
