"""The kinds of jobs that come with runner."""

from __future__ import annotations

from runner.api import JobKind, Scope
from runner.kinds.check.keys import OPTIONS as CHECK_OPTIONS
from runner.kinds.command.options import OPTIONS as COMMAND_OPTIONS
from runner.kinds.maintenance.options import OPTIONS as MAINTENANCE_OPTIONS

CHECK = JobKind(
    name="check",
    summary="Reads rows, judges them by thresholds, and changes nothing",
    read="runner.kinds.check.read:read_check",
    converse="runner.kinds.check.run:converse",
    options=CHECK_OPTIONS,
    spec="runner.kinds.check.spec:CheckSpec",
)
COMMAND = JobKind(
    name="command",
    summary="Starts a program or a script and judges how it ended",
    read="runner.kinds.command.read:read",
    run="runner.kinds.command.run:run",
    options=COMMAND_OPTIONS,
    scope=Scope.HOST,
    starts_programs=True,
    spec="runner.kinds.command.spec:CommandSpec",
)
MAINTENANCE = JobKind(
    name="maintenance",
    summary="Vacuums, analyzes and runs statements, one table at a time, and proves what they did",
    read="runner.kinds.maintenance.read:read",
    run="runner.kinds.maintenance.run:run",
    options=MAINTENANCE_OPTIONS,
    required=("steps",),
    changes_data=True,
    spec="runner.kinds.maintenance.spec:MaintenanceSpec",
)

KINDS: tuple[JobKind, ...] = (CHECK, MAINTENANCE, COMMAND)
