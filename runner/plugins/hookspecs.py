"""Every hook. Registering hooks return descriptions and do nothing else; observing hooks return nothing."""

from __future__ import annotations

from collections.abc import Iterable

from runner.api import (
    CheckPack,
    Command,
    Delivery,
    DoctorCheck,
    ExecutorType,
    Format,
    Function,
    JobKind,
    ProbeType,
    Report,
    Result,
    SecretSource,
    SinkType,
    TargetSourceType,
    Tick,
)
from runner.plugins.markers import hookspec


class RunnerHooks:
    """Called one plugin at a time, so that a broken one cannot silence the others."""

    @hookspec
    def runner_register_sinks(self) -> Iterable[SinkType]:
        """Ways to carry reports."""
        return ()

    @hookspec
    def runner_register_formats(self) -> Iterable[Format]:
        """Ways to write reports."""
        return ()

    @hookspec
    def runner_register_job_kinds(self) -> Iterable[JobKind]:
        """Kinds of jobs beside check, maintenance and command."""
        return ()

    @hookspec
    def runner_register_probes(self) -> Iterable[ProbeType]:
        """Ways for checks to get rows that are not SQL."""
        return ()

    @hookspec
    def runner_register_functions(self) -> Iterable[Function]:
        """Functions for threshold expressions."""
        return ()

    @hookspec
    def runner_register_secret_sources(self) -> Iterable[SecretSource]:
        """Schemes for `${scheme:argument}`."""
        return ()

    @hookspec
    def runner_register_check_packs(self) -> Iterable[CheckPack]:
        """Folders of catalogue files."""
        return ()

    @hookspec
    def runner_register_commands(self) -> Iterable[Command]:
        """Commands of the command line."""
        return ()

    @hookspec
    def runner_register_doctor_checks(self) -> Iterable[DoctorCheck]:
        """More things for `runner doctor` to look at."""
        return ()

    @hookspec
    def runner_register_target_sources(self) -> Iterable[TargetSourceType]:
        """Ways to learn of targets, for `targets_from:`."""
        return ()

    @hookspec
    def runner_register_executors(self) -> Iterable[ExecutorType]:
        """Ways to have due runs performed, for `executor:`."""
        return ()

    @hookspec
    def runner_tick_started(self, tick: Tick) -> None:
        """A tick found something due and is about to run it."""

    @hookspec
    def runner_result_ready(self, result: Result) -> None:
        """A run has ended and is recorded."""

    @hookspec
    def runner_report_ready(self, report: Report) -> None:
        """A report is complete; its deliveries follow."""

    @hookspec
    def runner_delivery_finished(self, delivery: Delivery) -> None:
        """A delivery was done, put off or given up."""
