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
    cleaned = []
    for item in found:
        complaint = item.why_kept
        if not complaint:
            answer = session.execute(drop_statement(item.index), timeout=SECONDS_TO_CLEAN_UP, shielded=True)
            complaint = f"it cannot be dropped: {answer}" if isinstance(answer, QueryError) else ""
        cleaned.append(Cleaned(index=item.index, complaint=complaint))
    return cleaned


def clean_up(session: Session, major: int, tables: frozenset[int]) -> list[Cleaned]:
    """What our own cancelled or failed rebuilds on these tables have left."""
    indexes = read_all(session, major, shielded=True)
    if isinstance(indexes, QueryError):
        return []
    return drop(session, [item for item in leftovers(indexes) if item.index.table_oid in tables])
