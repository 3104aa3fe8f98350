"""A query with its parameters, as the server can take it."""

from __future__ import annotations

from collections.abc import Mapping

from runner.errors import RunnerError
from runner.model.sql_text import BoundQuery, bind


def bound_query(sql: str, params: Mapping[str, object]) -> BoundQuery:
    """Raises RunnerError for a NUL character: the library would silently send only what stands before it."""
    bound = bind(sql, params)
    if "\0" in bound.sql or any(value and "\0" in value for value in bound.values):
        raise RunnerError("the query or one of its parameters holds a NUL character, which PostgreSQL cannot take")
    return bound
