"""What checks complain about now, as tables or indexes to work on."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from runner.api import Problem, RunContext, StoreError


def findings_of(
    context: RunContext, checks: Sequence[str], database: str, own: str
) -> dict[tuple[str, str], str] | str:
    """The schemas and names of their open problems on this target, each with the check and its message; or why not.

    The problems are those of the database that is visited; an empty name is the target's `own`. Keys of fewer than two
    texts name nothing.
    """
    try:
        problems = open_problems(context, checks, database, own)
    except StoreError as error:
        return error.message
    return {
        (problem.series.key[0], problem.series.key[1]): in_words(problem)
        for problem in problems
        if len(problem.series.key) >= 2
    }


def open_problems(context: RunContext, checks: Sequence[str], database: str, own: str) -> list[Problem]:
    """The open problems of these checks (or patterns) on this target and in this database. Raises StoreError."""
    target = context.target.name if context.target else ""
    return [
        problem
        for problem in context.history.problems()
        if problem.target == target
        and (problem.series.database or own) == (database or own)
        and any(fnmatchcase(problem.job, check) for check in checks)
    ]


def in_words(problem: Problem) -> str:
    return f"{problem.job}: {problem.message or problem.state.value}"


def unknown_checks(context: RunContext, names: Sequence[str]) -> list[str]:
    """The names and patterns that no job of the home has."""
    return [name for name in names if not any(fnmatchcase(job.name, name) for job in context.jobs)]
