"""An answer put together from the pieces in which its rows come."""

from __future__ import annotations

from runner.engine.database.cells import rows_of
from runner.engine.database.result import Result
from runner.model.query import Answer, QueryError, Rows


class Answered:
    """At most `most` rows are kept."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._columns: tuple[str, ...] | None = None
        self._rows: list[tuple[object, ...]] = []
        self._seen = 0
        self._unreadable: QueryError | None = None

    def add(self, result: Result) -> None:
        try:
            if self._columns is None:
                self._columns = result.columns
            count = result.rows
            if count and len(self._rows) < self._most:
                self._rows += rows_of(result, self._most - len(self._rows))
            self._seen += count
        except Exception as error:
            self._unreadable = QueryError(message=f"the rows cannot be read: {in_words(error)}")

    def answer(self) -> Answer:
        if self._columns is None:
            return self._unreadable or QueryError(message="the server sent no result")
        return self._unreadable or Rows(
            columns=self._columns, rows=tuple(self._rows), truncated=self._seen > self._most
        )


def in_words(error: Exception) -> str:
    """On one line; its type when it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
