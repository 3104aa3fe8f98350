"""Applies every family of rules to a loaded home."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from runner.api import JobKind
from runner.compile.lint.columns import about_columns
from runner.compile.lint.jobs import about_job
from runner.compile.lint.settings import about_settings
from runner.compile.lint.statements import about_statements
from runner.compile.lint.tests import about_tests
from runner.compile.lint.thresholds import about_thresholds
from runner.config.diagnostics import ordered
from runner.model.diagnostic import Diagnostic
from runner.model.home import Home


def lint(home: Home, kinds: Mapping[str, JobKind], now: datetime) -> tuple[Diagnostic, ...]:
    """The advice about all jobs and settings, sorted, each piece once; jobs with errors are not in the home."""
    return ordered(_all(home, kinds, now))


def _all(home: Home, kinds: Mapping[str, JobKind], now: datetime) -> Iterator[Diagnostic]:
    yield from about_settings(home.settings, now)
    yield from about_columns(home.jobs)
    for job in home.jobs:
        yield from about_job(job, kinds.get(job.kind))
        yield from about_statements(job)
        yield from about_thresholds(job)
        yield from about_tests(job)
