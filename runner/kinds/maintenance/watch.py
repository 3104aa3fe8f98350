"""Looks at the server while others work on it: load, who waits for us, where autovacuum is, how far we are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from runner.api import QueryError, Rows, Session
from runner.expr import Environment, Expression, Unknown, in_words, quantity, truth
from runner.kinds.maintenance.spec import Limits
from runner.records import dataclass

FACTS: Final[Mapping[str, tuple[str, str]]] = {
    "replication_lag": ("seconds", "the longest time that a connected standby is behind in replaying; 0 without one"),
    "replication_lag_bytes": ("bytes", "the most WAL that a connected standby has not replayed yet; 0 without one"),
    "active_sessions": ("count", "application sessions that are executing a statement"),
    "waiting_sessions": ("count", "application sessions that wait for a lock"),
    "idle_in_transaction": ("count", "application sessions that are idle inside of a transaction"),
    "longest_statement": ("seconds", "how long the oldest running statement of an application takes"),
    "longest_transaction": ("seconds", "how long the oldest transaction of an application is open"),
    "connections_used": ("ratio", "the share of max_connections that is in use"),
    "autovacuum_workers": ("count", "autovacuum workers that are at work"),
}
"""What `pause_when:` and `stop_when:` may name: the unit of each, and what it is."""

_FACTS = """
select coalesce(r.lag, 0)::float8 as replication_lag, coalesce(r.bytes, 0)::bigint as replication_lag_bytes, s.*
from (
  select max(extract(epoch from replay_lag)) as lag,
         max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)) as bytes
  from pg_stat_replication where state in ('streaming', 'catchup')
) r, (
  select count(*) filter (where theirs and state = 'active') as active_sessions,
         count(*) filter (where theirs and state = 'active' and wait_event_type = 'Lock') as waiting_sessions,
         count(*) filter (where theirs and state like 'idle in transaction%') as idle_in_transaction,
         coalesce(max(extract(epoch from clock_timestamp() - query_start))
                    filter (where theirs and state = 'active'), 0)::float8 as longest_statement,
         coalesce(max(extract(epoch from clock_timestamp() - xact_start)) filter (where theirs), 0)::float8
           as longest_transaction,
         (count(*) filter (where client))::float8 / current_setting('max_connections')::int as connections_used,
         count(*) filter (where backend_type = 'autovacuum worker') as autovacuum_workers
  from (select *, backend_type = 'client backend' as client,
               backend_type = 'client backend' and pid <> all (cast(:own as int[])) as theirs
        from pg_stat_activity) a
) s
"""
_WAITERS = """
select b.pid, a.pid, coalesce(nullif(a.application_name, ''), 'without a name'), coalesce(a.usename, '?'),
       coalesce(left(regexp_replace(a.query, '\\s+', ' ', 'g'), 80), '')
from (select * from pg_stat_activity
      where wait_event_type = 'Lock' and backend_type = 'client backend'
        and clock_timestamp() - query_start > interval '1 second' offset 0) a
cross join unnest(pg_blocking_pids(a.pid)) b(pid)
where b.pid = any (cast(:own as int[])) and a.pid <> all (cast(:own as int[]))
"""
_AUTOVACUUM = """
select p.relid::bigint from (select pid, relid, datid from pg_stat_progress_vacuum
                             union all select pid, relid, datid from pg_stat_progress_analyze) p
join pg_stat_activity a on a.pid = p.pid
where a.backend_type = 'autovacuum worker' and p.relid is not null
  and p.datid = (select oid from pg_database where datname = current_database())
"""
_PROGRESS = """
select pid, phase, heap_blks_scanned::float8 / nullif(heap_blks_total, 0) from pg_stat_progress_vacuum
where pid = any (cast(:own as int[]))
union all
select pid, phase, sample_blks_scanned::float8 / nullif(sample_blks_total, 0) from pg_stat_progress_analyze
where pid = any (cast(:own as int[]))
union all
select pid, phase, coalesce(tuples_done::float8 / nullif(tuples_total, 0), blocks_done::float8 / nullif(blocks_total, 0))
from pg_stat_progress_create_index where pid = any (cast(:own as int[]))
union all
select pid, phase, heap_blks_scanned::float8 / nullif(heap_blks_total, 0) from pg_stat_progress_cluster
where pid = any (cast(:own as int[]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiter:
    """A session that waits for one of ours, in words."""

    blocker: int
    who: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What the conditions say of the server now; empty where one does not hold. `blind`: why one cannot be judged."""

    pause: str = ""
    stop: str = ""
    blind: str = ""


def load(session: Session, limits: Limits, own: Sequence[int], params: Mapping[str, object]) -> Load:
    """Judges `pause_when` and `stop_when`; asks nothing when there is neither."""
    if limits.pause_when is None and limits.stop_when is None:
        return Load()
    answer = session.execute(_FACTS, {"own": list(own)})
    if isinstance(answer, QueryError) or not answer.rows:
        return Load(blind=f"the server does not say how busy it is: {answer if isinstance(answer, QueryError) else ''}")
    row = {name: quantity(cell, FACTS[name][0], name) for name, cell in answer.dicts()[0].items()}
    environment = Environment(row=row, rows=[row], params=params, functions=limits.functions)
    pause, blind = _holds(limits.pause_when, environment)
    stop, blind_too = _holds(limits.stop_when, environment)
    return Load(pause=pause, stop=stop, blind=blind or blind_too)


def _holds(expression: Expression | None, environment: Environment) -> tuple[str, str]:
    """The condition in words with the values that it names when it is true, and why it cannot be judged."""
    if expression is None:
        return "", ""
    words = in_words(expression)
    found = truth(expression, environment)
    if isinstance(found, Unknown):
        return "", f"`{words}` cannot be judged: {found.reason}"
    seen = [f"{name} {value}" for name, value in environment.row.items() if name in words]
    return (f"{words} ({', '.join(seen)})", "") if found else ("", "")


def waiters(session: Session, own: Sequence[int]) -> list[Waiter]:
    """The application sessions that one of ours keeps waiting for more than a second.

    VACUUM itself lets those go on that wait for its last, short and exclusive lock.
    """
    return [
        Waiter(blocker=int(str(blocker)), who=f"session {pid} ({name}, user {user}) waited for it: {query}")
        for blocker, pid, name, user, query in _rows(session.execute(_WAITERS, {"own": list(own)}))
    ]


def autovacuumed(session: Session) -> frozenset[int]:
    """The tables of this database that an autovacuum worker works on now."""
    return frozenset(int(str(oid)) for (oid,) in _rows(session.execute(_AUTOVACUUM)))


def progress(session: Session, own: Sequence[int]) -> dict[int, str]:
    """How far each of our statements is, by its session: its phase, and the share where it has one."""
    found = {}
    for pid, phase, share in _rows(session.execute(_PROGRESS, {"own": list(own)})):
        percent = f", {float(str(share)):.0%}" if share is not None else ""
        found[int(str(pid))] = f"{phase}{percent}"
    return found


def _rows(answer: Rows | QueryError) -> Sequence[tuple[object, ...]]:
    return () if isinstance(answer, QueryError) else answer.rows
