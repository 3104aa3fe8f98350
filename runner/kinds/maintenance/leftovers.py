"""Drops what interrupted rebuilds of indexes have left behind, also in the last moments of a run."""

from __future__ import annotations

from runner.api import QueryError, Session
from runner.kinds.maintenance.indexes import IndexFacts, Leftover, indexes_sql, leftovers, read_indexes
from runner.model.sql_text import quote_identifier
from runner.records import dataclass

SECONDS_TO_CLEAN_UP = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """One leftover and what became of it; `complaint` is empty when it was dropped."""

    index: IndexFacts
    complaint: str = ""


def read_all(session: Session, major: int, *, shielded: bool = False) -> list[IndexFacts] | QueryError:
    """Every index of the database."""
    answer = session.execute(indexes_sql(major), timeout=SECONDS_TO_CLEAN_UP if shielded else None, shielded=shielded)
    return answer if isinstance(answer, QueryError) else read_indexes(answer.dicts())


def drop_statement(index: IndexFacts) -> str:
    """The statement that drops it without keeping anybody from the table."""
    return f"drop index concurrently if exists {quote_identifier(index.schema)}.{quote_identifier(index.name)}"


def drop(session: Session, found: list[Leftover]) -> list[Cleaned]:
    """Drops each that may be dropped; a stop of the run does not interrupt it, half a minute does."""
    if not any(not item.why_kept for item in found):
        return [Cleaned(index=item.index, complaint=item.why_kept) for item in found]
    usual = session.execute("select current_setting('lock_timeout')", shielded=True)
    # It waits for transactions that began before it, which keeps nobody from the table.
    session.execute(f"set lock_timeout = '{SECONDS_TO_CLEAN_UP:.0f}s'", shielded=True)
    cleaned = [Cleaned(index=item.index, complaint=item.why_kept or _dropped(session, item.index)) for item in found]
    if not isinstance(usual, QueryError):
        session.execute(f"set lock_timeout = '{usual.rows[0][0]}'", shielded=True)
    return cleaned


def _dropped(session: Session, index: IndexFacts) -> str:
    """Why it could not be dropped; empty when it was."""
    answer = session.execute(drop_statement(index), timeout=SECONDS_TO_CLEAN_UP, shielded=True)
    return f"it cannot be dropped: {answer}" if isinstance(answer, QueryError) else ""


def clean_up(session: Session, major: int, tables: frozenset[int]) -> list[Cleaned]:
    """What our own cancelled or failed rebuilds on these tables have left."""
    indexes = read_all(session, major, shielded=True)
    if isinstance(indexes, QueryError):
        return []
    return drop(session, [item for item in leftovers(indexes) if item.index.table_oid in tables])
