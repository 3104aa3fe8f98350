"""The kinds of jobs that come with runner."""

from __future__ import annotations

from runner.api import JobKind

KINDS: tuple[JobKind, ...] = ()
