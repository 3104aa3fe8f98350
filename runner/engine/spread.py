"""`spread:` how long after its slot a job starts on a target, the same on one machine for ever."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from runner.model.job import Job


def offset(job: Job, target: str, machine: str) -> timedelta:
    """Whole seconds below `job.spread`, from a hash: many jobs, targets and machines share the time evenly."""
    if job.spread < 1:
        return timedelta(0)
    digest = hashlib.sha256(f"{machine}\n{job.name}\n{target}".encode("utf-8", "replace")).digest()
    return timedelta(seconds=int.from_bytes(digest[:8], "big") % int(job.spread))
