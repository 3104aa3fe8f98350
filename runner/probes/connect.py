"""Whether the server answers, how long the connection took, and who answered."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence

from runner.api import Answer, Options, Query, QueryError, Row, RunContext, ServerFacts

_SQL = """
select current_setting('server_version') as version,
       extract(epoch from now() - pg_postmaster_start_time())::float8 as uptime,
       case when pg_is_in_recovery() then 'standby' else 'primary' end as role
"""


def fetch(context: RunContext, options: Options) -> Generator[Sequence[Query], Sequence[Answer], Iterable[Row]]:
    """One row; when nobody answers, `reachable` is false and `error` says why."""
    del options
    server = context.server
    if not isinstance(server, ServerFacts):
        return [_silent(server.message if server else "there is no server to connect to")]
    [answer] = yield [Query(sql=_SQL, timeout=15.0)]
    if isinstance(answer, QueryError):
        return [_silent(str(answer))]
    return [{"reachable": True, "error": None, "seconds_to_connect": server.seconds_to_connect, **answer.dicts()[0]}]


def _silent(error: str) -> Row:
    empty = dict.fromkeys(("seconds_to_connect", "version", "uptime", "role"))
    return {"reachable": False, "error": error, **empty}
