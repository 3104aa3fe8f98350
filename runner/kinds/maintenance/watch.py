"""Looks at the server while others work on it: load, who waits for us, where autovacuum is, how far we are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from runner.api import QueryError, Rows, Session
from runner.expr import Environment, Expression, Unknown, facts, in_words, quantity, truth
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

# What a role may not see is null, and so are the facts that would be made of it.
_FACTS = """
select case when not r.hidden then coalesce(r.lag, 0)::float8 end as replication_lag,
       case when not r.hidden then coalesce(r.bytes, 0)::bigint end as replication_lag_bytes,
       case when not s.hidden then active end as active_sessions,
       case when not s.hidden then waiting end as waiting_sessions,
       case when not s.hidden then idle end as idle_in_transaction,
       case when not s.hidden then coalesce(statement, 0)::float8 end as longest_statement,
       case when not s.hidden then coalesce(transaction, 0)::float8 end as longest_transaction,
       connected::float8 / current_setting('max_connections')::int as connections_used,
       case when not s.hidden then workers end as autovacuum_workers
from (
  select max(extract(epoch from replay_lag)) filter (where sent_lsn <> replay_lsn) as lag,
         max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)) as bytes,
         coalesce(bool_or(state is null), false) as hidden
  from pg_stat_replication where state is null or state in ('streaming', 'catchup')
) r, (
  select bool_or(query = '<insufficient privilege>') as hidden, count(*) filter (where datid is not null) as connected,
         count(*) filter (where theirs and state = 'active') as active,
         count(*) filter (where theirs and state = 'active' and wait_event_type = 'Lock') as waiting,
         count(*) filter (where theirs and state like 'idle in transaction%') as idle,
         max(extract(epoch from clock_timestamp() - query_start)) filter (where theirs and state = 'active') as statement,
         max(extract(epoch from clock_timestamp() - xact_start)) filter (where theirs) as transaction,
         count(*) filter (where backend_type = 'autovacuum worker') as workers
  from (select *, backend_type = 'client backend' and pid <> all (pg_backend_pid() || cast(:own as int[])) as theirs
        from pg_stat_activity) a
) s
"""
# Everybody sees who waits for a lock; names and statements stay hidden from some.
_WAITERS = """
select b.pid, w.pid, coalesce(nullif(a.application_name, ''), 'without a name'), coalesce(a.usename, '?'),
       coalesce(left(regexp_replace(a.query, '\\s+', ' ', 'g'), 80), '')
from (select distinct pid from pg_locks
      where not granted and clock_timestamp() - {waitstart} > interval '1 second'
        and pid <> all (cast(:own as int[])) offset 0) w
cross join unnest(pg_blocking_pids(w.pid)) b(pid)
left join pg_stat_activity a on a.pid = w.pid
where b.pid = any (cast(:own as int[])) and a.backend_type is distinct from 'autovacuum worker'
"""
_HOLDERS = """
select l.pid, coalesce(nullif(a.application_name, ''), 'without a name'), coalesce(a.usename, '?'),
       coalesce(a.state || ' since ' || to_char(a.state_change, 'YYYY-MM-DD HH24:MI:SS'), 'state hidden')
from pg_locks l left join pg_stat_activity a on a.pid = l.pid
where l.relation = cast(:oid as oid) and l.granted and l.pid <> all (cast(:own as int[]))
  and l.database = (select oid from pg_database where datname = current_database())
  and l.mode in ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
order by a.xact_start limit 1
"""
_AUTOVACUUM = """
select case when a.query is distinct from '<insufficient privilege>' then p.relid::bigint end from (select pid, relid, datid from pg_stat_progress_vacuum
                             union all select pid, relid, datid from pg_stat_progress_analyze) p
join pg_stat_activity a on a.pid = p.pid
where (a.backend_type = 'autovacuum worker' or a.query = '<insufficient privilege>')
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
class Far:
    """How far a statement is: its phase, and the part of that where the server knows it."""

    phase: str
    part: float | None = None

    @property
    def share(self) -> float:
        return min(1.0, self.part or 0.0)

    def __str__(self) -> str:
        return self.phase if self.part is None else f"{self.phase}, {self.part:.0%}"


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
    named = facts(expression).columns
    seen = [f"{name} {value}" for name, value in environment.row.items() if name in named]
    return (f"{words} ({', '.join(seen)})", "") if found else ("", "")


def waiters(session: Session, own: Sequence[int], major: int) -> list[Waiter]:
    """The application sessions that one of ours keeps waiting for more than a second.

    VACUUM itself lets those go on that wait for its last, short and exclusive lock.
    """
    since = "waitstart" if major >= 14 else "(select query_start from pg_stat_activity q where q.pid = pg_locks.pid)"
    answer = session.execute(_WAITERS.replace("{waitstart}", since), {"own": list(own)})
    return [
        Waiter(blocker=int(str(blocker)), who=f"session {pid} ({name}, user {user}) waited for it: {query}")
        for blocker, pid, name, user, query in _rows(answer)
    ]


def holder(session: Session, oid: int, own: Sequence[int]) -> str:
    """The session that keeps us from a table, in words; empty when it is gone."""
    for pid, name, user, state in _rows(session.execute(_HOLDERS, {"oid": oid, "own": list(own)})):
        return f"session {pid} ({name}, user {user}, {state})"
    return ""


def autovacuumed(session: Session) -> tuple[frozenset[int], bool]:
    """The tables of this database that an autovacuum worker works on now, and whether some are hidden from the role."""
    found = [oid for (oid,) in _rows(session.execute(_AUTOVACUUM))]
    return frozenset(int(str(oid)) for oid in found if oid is not None), None in found


def progress(session: Session, own: Sequence[int]) -> dict[int, Far]:
    """How far each of our statements is, by its session."""
    rows = _rows(session.execute(_PROGRESS, {"own": list(own)}))
    return {
        int(str(pid)): Far(phase=str(phase), part=None if part is None else float(str(part)))
        for pid, phase, part in rows
    }


def _rows(answer: Rows | QueryError) -> Sequence[tuple[object, ...]]:
    return () if isinstance(answer, QueryError) else answer.rows
