"""What comes with runner, registered through the same hooks as everybody else's; nothing is imported here."""

from __future__ import annotations

from runner.api import (
    API_VERSION,
    EXECUTORS,
    ExecutorType,
    Format,
    JobKind,
    ProbeType,
    SinkType,
    TargetSourceType,
    hookimpl,
)
from runner.formats.registered import FORMATS
from runner.kinds.registered import KINDS
from runner.probes.registered import PROBES
from runner.sinks.registered import SINKS
from runner.sources.registered import TARGET_SOURCES

__runner_api__ = API_VERSION


@hookimpl
def runner_register_formats() -> tuple[Format, ...]:
    return FORMATS


@hookimpl
def runner_register_sinks() -> tuple[SinkType, ...]:
    return SINKS


@hookimpl
def runner_register_job_kinds() -> tuple[JobKind, ...]:
    return KINDS


@hookimpl
def runner_register_probes() -> tuple[ProbeType, ...]:
    return PROBES


@hookimpl
def runner_register_target_sources() -> tuple[TargetSourceType, ...]:
    return TARGET_SOURCES


@hookimpl
def runner_register_executors() -> tuple[ExecutorType, ...]:
    return EXECUTORS
