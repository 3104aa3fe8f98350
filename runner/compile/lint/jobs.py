"""Advice about what every job can have: an end, and something to find."""

from __future__ import annotations

from collections.abc import Iterator

from runner.api import JobKind
from runner.compile.lint.places import advice
from runner.kinds.check.spec import CheckSpec
from runner.model.diagnostic import Diagnostic
from runner.model.job import Job


def about_job(job: Job, kind: JobKind | None) -> Iterator[Diagnostic]:
    """Work that nothing ends, and checks that cannot find anything."""
    if kind is not None and (kind.changes_data or kind.starts_programs) and job.timeout is None and job.window is None:
        message = f"nothing ends `{job.name}` when it hangs, and its next runs wait for it"
        hint = "add `timeout: 30min`" + (", or a `window:`, at whose end it stops" if kind.changes_data else "")
        yield advice("no-timeout", job.span, message, hint)
    if isinstance(job.spec, CheckSpec) and not _says_something(job, job.spec):
        message = f"`{job.name}` has no threshold and shows nothing, so it is always ok"
        yield advice("no-threshold", job.span, message, "add `warning:` or `critical:`, or `show:` for its rows")


def _says_something(job: Job, spec: CheckSpec) -> bool:
    judges = spec.rule.warning or spec.rule.critical or job.on_gone != "ok" or job.precondition
    return bool(judges or spec.show or spec.trend or spec.detail or spec.summary or spec.message)
