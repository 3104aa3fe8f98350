"""How long a query takes from here and back, several times in a row."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from statistics import median

from runner.api import Answer, Options, Query, QueryError, Row, RunContext, RunnerError

DEFAULT_SQL = "select 1"
DEFAULT_REPEAT = 5


def fetch(context: RunContext, options: Options) -> Generator[Sequence[Query], Sequence[Answer], Iterable[Row]]:
    """One row with seconds; each repetition is a round trip of its own. Raises RunnerError when one fails."""
    query = Query(sql=str(options.get("sql", DEFAULT_SQL)), params=context.params)
    seconds: list[float] = []
    for _ in range(int(options.get("repeat", DEFAULT_REPEAT))):
        [answer] = yield [query]
        if isinstance(answer, QueryError):
            raise RunnerError(f"the query whose latency is measured failed: {answer}", hint=answer.hint)
        seconds.append(answer.seconds)
    return [{"median": median(seconds), "max": max(seconds), "min": min(seconds)}]
