"""One maintenance run at a time in a database, whoever started it and from wherever."""

from __future__ import annotations

import hashlib
from typing import Final

from runner.api import QueryError, Session

KEY: Final = int.from_bytes(hashlib.sha256(b"runner maintenance").digest()[:8], "big", signed=True)
"""The key of the advisory lock on the target; part of the contract between versions of runner."""
WORKING: Final = int.from_bytes(hashlib.sha256(b"runner maintenance at work").digest()[:8], "big", signed=True)
"""Held shared by every connection that works; it outlives a killed client as long as the server works for it."""

_HOLDER = """
select a.pid, coalesce(a.application_name, '') from pg_locks l join pg_stat_activity a using (pid)
where l.locktype = 'advisory' and l.granted and l.objsubid = 1
  and l.database = (select oid from pg_database where datname = current_database())
  and l.classid::bigint = :high::bigint and l.objid::bigint = :low::bigint
"""


def take_lock(session: Session) -> str:
    """Takes the lock for the session's life; returns why not, or nothing."""
    answer = session.execute("select pg_try_advisory_lock(:key::bigint)", {"key": KEY})
    if isinstance(answer, QueryError):
        return f"the lock for maintenance cannot be taken: {answer}"
    if not answer.rows[0][0]:
        return f"another maintenance run is working in this database{_by_whom(session, KEY)}"
    if _somebody_works(session):
        why = f"the server is still working for a maintenance run that was killed{_by_whom(session, WORKING)}"
        release_lock(session)
        return why
    return ""


def release_lock(session: Session) -> None:
    session.execute("select pg_advisory_unlock(:key::bigint)", {"key": KEY})


def _somebody_works(session: Session) -> bool:
    answer = session.execute("select pg_try_advisory_lock(:key::bigint)", {"key": WORKING})
    if isinstance(answer, QueryError) or not answer.rows[0][0]:
        return True
    session.execute("select pg_advisory_unlock(:key::bigint)", {"key": WORKING})
    return False


def _by_whom(session: Session, key: int) -> str:
    unsigned = key % 2**64
    answer = session.execute(_HOLDER, {"high": unsigned >> 32, "low": unsigned % 2**32})
    if isinstance(answer, QueryError) or not answer.rows:
        return ""
    pid, name = answer.rows[0]
    return f" (session {pid}{f', {name}' if name else ''})"
