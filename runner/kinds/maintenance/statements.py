"""The SQL of each step as the server's version understands it."""

from __future__ import annotations

import re

from runner.kinds.maintenance.facts import TableFacts
from runner.kinds.maintenance.spec import AnalyzeStep, TableStep
from runner.model.sql_text import quote_identifier

# These refuse to run inside a transaction block; PostgreSQL documentation, their reference pages.
_REFUSES_TRANSACTION = re.compile(
    r"\s*(vacuum\b|(create|drop)\s+(unique\s+)?index\s+concurrently\b|reindex\b.*\bconcurrently\b"
    r"|reindex\s+(\([^)]*\)\s*)?(database|system)\b|(create|drop)\s+(database|tablespace)\b|alter\s+system\b"
    r"|cluster\s*;?\s*$|alter\s+table\b.*\bdetach\s+partition\b.*\bconcurrently\b)",
    re.IGNORECASE | re.DOTALL,
)

ONLY_DATABASE_STATS = "vacuum (only_database_stats)"


def table_statement(step: TableStep, table: TableFacts, major: int) -> str:
    """VACUUM or ANALYZE of one table; partitioned tables are only analyzed."""
    name = f"{quote_identifier(table.schema)}.{quote_identifier(table.name)}"
    if isinstance(step, AnalyzeStep) or table.is_parent:
        # Before 18 the partitions are analyzed again; there is no way to ask for the parent alone.
        only = "only " if table.is_parent and major >= 18 else ""
        return f"analyze {'(skip_locked) ' if step.skip_locked else ''}{only}{name}"
    options = [
        *(["analyze"] if step.analyze else []),
        *(["freeze"] if step.freeze else []),
        *(["skip_locked"] if step.skip_locked else []),
        *([f"index_cleanup {step.index_cleanup}"] if step.index_cleanup and _knows(step.index_cleanup, major) else []),
        *([f"parallel {step.parallel}"] if step.parallel is not None else []),
        *(["skip_database_stats"] if major >= 16 else []),
    ]
    listed = f"({', '.join(options)}) " if options else ""
    return f"vacuum {listed}{name}"


def refuses_transaction(sql: str) -> bool:
    """Whether the statement is known to fail inside a transaction."""
    return bool(_REFUSES_TRANSACTION.match(_without_comments(sql)))


def _knows(index_cleanup: str, major: int) -> bool:
    """`auto` came with 14, where it is the default."""
    return index_cleanup != "auto" or major >= 14


def _without_comments(sql: str) -> str:
    return re.sub(r"--[^\n]*|/\*.*?\*/", " ", sql, flags=re.DOTALL)
