"""How far the server's clock is from this host's, whatever the network takes."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from datetime import datetime

from runner.api import Answer, Options, Query, QueryError, Row, RunContext, RunnerError

_SQL = "select clock_timestamp() as server_time"
_TRIES = 3
"""The first answer comes together with those of other checks; the later ones are quicker and so tell more."""


def fetch(context: RunContext, options: Options) -> Generator[Sequence[Query], Sequence[Answer], Iterable[Row]]:
    """One row: the difference in seconds that is certain, and its direction. Raises RunnerError.

    The server looked at its clock between the question and the answer: only what lies outside is a difference.
    """
    del options
    seen: list[Row] = []
    for _ in range(_TRIES):
        asked = context.now
        [answer] = yield [Query(sql=_SQL)]
        answered = context.now
        if isinstance(answer, QueryError):
            raise RunnerError(f"the server's clock cannot be read: {answer}", hint=answer.hint)
        server_time = answer.rows[0][0]
        assert isinstance(server_time, datetime)
        seen.append(_row(server_time, asked, answered))
    return [min(seen, key=_skew)]


def _skew(row: Row) -> float:
    skew = row["skew"]
    assert isinstance(skew, float)
    return skew


def _row(server_time: datetime, asked: datetime, answered: datetime) -> Row:
    ahead = (server_time - answered).total_seconds()
    behind = (asked - server_time).total_seconds()
    direction = "ahead of" if ahead > 0 else "behind" if behind > 0 else "equal"
    return {"skew": max(ahead, behind, 0.0), "direction": direction, "server_time": server_time}
