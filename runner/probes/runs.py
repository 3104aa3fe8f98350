"""How runner's own jobs fare: failed and interrupted runs."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from datetime import timedelta
from fnmatch import fnmatchcase

from runner.api import Answer, Job, Options, Query, Row, RunContext
from runner.model.quantity import parse_duration

DEFAULT_SINCE = "7d"


def fetch(context: RunContext, options: Options) -> Generator[Sequence[Query], Sequence[Answer], Iterable[Row]]:
    """One row for each job and target that was ever seen; Raises ScheduleError."""
    yield from ()
    since = context.now - timedelta(seconds=parse_duration(str(options.get("since", DEFAULT_SINCE))))
    seen = context.history.seen()
    statistics = {(str(row["job"]), str(row["target"])): row for row in context.history.run_statistics(since)}
    jobs = {job.name: job for job in context.jobs if _is_wanted(job, options)}
    return [
        {
            **_counts(statistics.get((name, target), {})),
            "job": name,
            "target": target,
            "group": jobs[name].group,
        }
        for name, target in sorted({*seen, *statistics})
        if name in jobs
    ]


def _is_wanted(job: Job, options: Options) -> bool:
    groups, left_out = options.get("groups", ["*"]), options.get("exclude", [])
    return any(fnmatchcase(job.group, str(pattern)) for pattern in groups) and not any(
        fnmatchcase(job.name, str(pattern)) for pattern in left_out
    )


def _counts(statistics: Mapping[str, object]) -> dict[str, object]:
    counts = {name: statistics.get(name, 0) for name in ("runs", "failed", "interrupted", "missed")}
    return {**counts, "last_run": statistics.get("last_started"), "last_state": statistics.get("last_state")}
