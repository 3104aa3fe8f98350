"""Who keeps dead rows alive: the holder of the oldest snapshot that VACUUM had to respect."""

from __future__ import annotations

from runner.api import Rows, Session

# The parts must stay in step: age of the horizon, who it is in words, and what to do.
_HOLDERS = """
select age, holder, advice from (
  select age(a.backend_xmin) as age,
         format('session %s (%s, user %s, %s%s)', a.pid, coalesce(nullif(a.application_name, ''), 'without a name'),
                a.usename, a.state,
                ' since ' || to_char(coalesce(a.xact_start, a.query_start), 'YYYY-MM-DD HH24:MI:SS')) as holder,
         format('end its transaction, or select pg_terminate_backend(%s)', a.pid) as advice
  from pg_stat_activity a
  where a.backend_xmin is not null and a.pid <> pg_backend_pid() and a.datname = current_database()
    and a.backend_type not in ('autovacuum worker', 'walsender')
  union all
  select age(p.transaction), format('prepared transaction %L (user %s, since %s)', p.gid, p.owner,
                                    to_char(p.prepared, 'YYYY-MM-DD HH24:MI:SS')),
         format('commit prepared %L or rollback prepared %L', p.gid, p.gid)
  from pg_prepared_xacts p where p.database = current_database()
  union all
  select age(s.xmin), format('replication slot %s (%s)', s.slot_name,
                             case when s.active then 'in use' else 'not in use' end),
         case when s.active then 'let its reader catch up'
              else format('if nobody reads it any more: select pg_drop_replication_slot(%L)', s.slot_name) end
  from pg_replication_slots s where s.xmin is not null
  union all
  select age(r.backend_xmin), format('standby %s (hot_standby_feedback)', r.application_name),
         'end the long query on the standby'
  from pg_stat_replication r where r.backend_xmin is not null
) holders order by age desc limit 1
"""


def oldest_holder(session: Session) -> str:
    """The holder in words, with what to do when nobody can be seen."""
    answer = session.execute(_HOLDERS)
    if isinstance(answer, Rows) and answer.rows:
        return f"held by {answer.rows[0][1]}; {answer.rows[0][2]}"
    return "their holder is gone or hidden from this role (pg_read_all_stats shows more)"
