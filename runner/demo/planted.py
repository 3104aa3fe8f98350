"""The problems that the demonstration plants, on the server as they happen in real life."""

from __future__ import annotations

from contextlib import closing
from dataclasses import field
from typing import Any

import psycopg

from runner.demo.embedded import Server
from runner.demo.oracle import DEAD_ROWS, OWNER, connect, execute, wait_until
from runner.errors import RunnerError
from runner.records import dataclass

SLOT = "standby_that_left"
INDEX = "channels_name_key"
KEYLESS = "channel_import"
SECONDS_TO_NOTICE = 1
"""The demonstration's home warns of sessions that idle or wait for longer than this."""

_AT_REST = (
    "alter table epochs set (autovacuum_enabled = off)",
    f"update epochs set sealed = true where id <= {DEAD_ROWS}",
    f"create table {KEYLESS} as select id, name from channels",
    "update channels set name = 'channel 1' where id = 2",
)
_INVALID_INDEX = f"create unique index concurrently {INDEX} on channels (name)"


@dataclass(slots=True, kw_only=True)
class Sessions:
    """A session that went away inside its transaction, and one that waits for its lock."""

    idle: psycopg.Connection[Any]
    blocked: psycopg.Connection[Any]
    pids: dict[str, str] = field(default_factory=dict)

    def end(self) -> None:
        """Closes both; the server forgets them at once."""
        for connection in (self.blocked, self.idle):
            connection.close()


def plant_at_rest(server: Server) -> None:
    """Dead rows, a table without a primary key, an invalid index, a slot without a reader."""
    execute(server, OWNER, _AT_REST)
    with closing(connect(server, OWNER)) as connection:
        try:
            connection.execute(_INVALID_INDEX.encode())
        except psycopg.errors.UniqueViolation:
            pass
        else:
            raise RunnerError("the index that had to fail did not fail")
    execute(server, "postgres", [f"select pg_create_physical_replication_slot('{SLOT}', true)"])
    dead = f"n_dead_tup >= {DEAD_ROWS} from pg_stat_user_tables where relname = 'epochs'"
    wait_until(server, dead, "the dead rows")


def plant_sessions(server: Server) -> Sessions:
    """Opens both sessions and waits until they have lasted long enough to be noticed."""
    idle = connect(server, OWNER, name="oracle-api")
    blocked = connect(server, OWNER, name="oracle-worker")
    idle.execute("begin")
    idle.execute("update channels set followers = followers + 1 where id = 7")
    # Sent without waiting for the answer, which does not come while the other holds the row.
    blocked.pgconn.send_query(b"update channels set followers = 0 where id = 7")
    pids = {"idle": str(idle.info.backend_pid), "blocked": str(blocked.info.backend_pid)}
    long_enough = f"interval '{SECONDS_TO_NOTICE}s'"
    waits = (
        f"count(*) > 0 from pg_locks where pid = {pids['blocked']} and clock_timestamp() - waitstart > {long_enough}"
    )
    wait_until(server, waits, "the blocked session")
    return Sessions(idle=idle, blocked=blocked, pids=pids)


def end_sessions(server: Server, sessions: Sessions) -> None:
    """Waits until the one that was terminated is gone and its victim has finished, then closes both."""
    gone = f"count(*) = 0 from pg_stat_activity where pid = {sessions.pids['idle']}"
    wait_until(server, gone, "the end of the idle session")
    done = f"count(*) = 0 from pg_locks where pid = {sessions.pids['blocked']} and not granted"
    wait_until(server, done, "the end of the blockade")
    sessions.end()
    left = "count(*) = 0 from pg_stat_activity where application_name in ('oracle-api', 'oracle-worker')"
    wait_until(server, left, "the end of the sessions")
