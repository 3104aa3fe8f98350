"""What checks complain about now, as tables or indexes to work on."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from runner.api import RunContext, StoreError


def findings_of(
    context: RunContext, checks: Sequence[str], database: str, own: str
) -> dict[tuple[str, str], str] | str:
    """The schemas and names of their open problems on this target, each with the check and its message; or why not.

    The problems are those of the database that is visited; an empty name is the target's `own`. Keys of fewer than two
    texts name nothing.
    """
    target = context.target.name if context.target else ""
    try:
        problems = context.history.problems()
    except StoreError as error:
        return error.message
    return {
        (problem.series.key[0], problem.series.key[1]): f"{problem.job}: {problem.message or problem.state.value}"
        for problem in problems
        if problem.target == target
        and (problem.series.database or own) == (database or own)
        and len(problem.series.key) >= 2
        and any(fnmatchcase(problem.job, check) for check in checks)
    }


def unknown_checks(context: RunContext, names: Sequence[str]) -> list[str]:
    """The names and patterns that no job of the home has."""
    return [name for name in names if not any(fnmatchcase(job.name, name) for job in context.jobs)]
