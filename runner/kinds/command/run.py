"""Runs a command job and says how it went."""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Callable
from pathlib import Path

from runner.api import Column, Dimension, Finding, Job, Observation, Outcome, RunContext, State, Table, skipped
from runner.kinds.command.process import Ended, run_program
from runner.kinds.command.spec import CommandSpec
from runner.model.quantity import show_duration

DEFAULT_TIMEOUT = 600.0
_COLUMNS = (Column(name="seconds", dimension=Dimension.SECONDS), Column(name="exit", dimension=Dimension.NUMBER))
_LONGEST_QUOTE = 200
LINES_SHOWN = 20


def run(context: RunContext, job: Job) -> Outcome:
    """Starts the program, waits, and judges its exit code and its output."""
    spec = job.spec
    assert isinstance(spec, CommandSpec)
    if context.dry_run:
        return skipped(f"dry run: would run {_shown(spec)}")
    folder = context.home / spec.cwd
    if not folder.is_dir():
        return _not_started(f"the folder {folder} does not exist; correct `cwd`")
    environment = {**os.environ, **_circumstances(context, job), **spec.env}
    context.progress(_shown(spec))
    try:
        ended = run_program(spec.argv, cwd=folder, env=environment, left=_time_left(context, job))
    except OSError as error:
        return _not_started(_why_not_started(error, spec, environment.get("PATH", ""), folder))
    return _judge(ended, spec)


def _time_left(context: RunContext, job: Job) -> Callable[[], float]:
    """Seconds until the job's own timeout or the run's deadline; the deadline is zero when runner must stop."""
    end = context.clock.elapsed() + (DEFAULT_TIMEOUT if job.timeout is None else job.timeout)

    def left() -> float:
        own, deadline = end - context.clock.elapsed(), context.deadline()
        return own if deadline is None else min(own, deadline)

    return left


def _circumstances(context: RunContext, job: Job) -> dict[str, str]:
    """What a script may want to know, as environment variables."""
    params = {f"RUNNER_PARAM_{name.upper()}": str(value) for name, value in context.params.items() if value is not None}
    return {
        "RUNNER_JOB": job.name,
        "RUNNER_RUN": context.run_id,
        "RUNNER_SLOT": context.slot.isoformat(),
        **params,
    }


def _judge(ended: Ended, spec: CommandSpec) -> Outcome:
    complaint = _complaint(ended, spec)
    took = show_duration(ended.seconds)
    findings = (Finding(state=State.CRITICAL, message=complaint),) if complaint else ()
    return Outcome(
        summary=complaint or f"{spec.program} ended with exit code {ended.code} in {took}",
        findings=findings,
        observations=(Observation(values={"seconds": ended.seconds, "exit": ended.code}),),
        columns=_COLUMNS,
        tables=tuple(_tables(ended)),
    )


def _complaint(ended: Ended, spec: CommandSpec) -> str:
    if ended.timed_out:
        force = ", by force" if ended.killed else ""
        return (
            f"{spec.program} was still running after {show_duration(ended.limit)} and was ended{force},"
            f" with everything it had started{_last_words(ended)}"
        )
    if ended.code not in spec.exits:
        return f"{spec.program} {_ending(ended.code)} after {show_duration(ended.seconds)}{_last_words(ended)}"
    if spec.stdout_matches and not spec.stdout_matches.search(ended.stdout):
        return f"the output of {spec.program} does not match `{spec.stdout_matches.pattern}`{_last_words(ended)}"
    return ""


def _ending(code: int) -> str:
    if code >= 0:
        return f"failed with exit code {code}"
    names = {item.value: item.name for item in signal.Signals}
    return f"was ended by signal {-code} ({names.get(-code, 'unknown')})"


def _last_words(ended: Ended) -> str:
    for text in (ended.stderr, ended.stdout):
        if lines := [line.strip() for line in text.splitlines() if line.strip()]:
            return f": {lines[-1][:_LONGEST_QUOTE]}"
    return ""


def _tables(ended: Ended) -> list[Table]:
    """The end of each output: formats show the first rows of a table, and what matters stands in the last lines."""
    found = []
    for name, text in (("stdout", ended.stdout), ("stderr", ended.stderr)):
        if lines := text.splitlines():
            title = f"{name}, the last {LINES_SHOWN} lines" if len(lines) > LINES_SHOWN else name
            found.append(Table(title=title, columns=(name,), rows=tuple((line,) for line in lines[-LINES_SHOWN:])))
    return found


def _not_started(reason: str) -> Outcome:
    return Outcome(summary=reason, findings=(Finding(state=State.CRITICAL, message=reason),))


def _why_not_started(error: OSError, spec: CommandSpec, path: str, folder: Path) -> str:
    program = spec.argv[0]
    places = [folder] if "/" in program else [folder / place for place in path.split(":")]
    # A folder of the PATH that may not be looked into makes a missing program look like a forbidden one.
    exists = any(os.path.exists(place / program) for place in places)
    if isinstance(error, (FileNotFoundError, PermissionError)) and not exists:
        where = folder if "/" in program else f"the PATH {path or '(empty)'}"
        return f"`{program}` was not found in {where}; write its full path, or set PATH under `env`"
    if isinstance(error, FileNotFoundError):
        return f"`{program}` cannot be started: the interpreter that its first line names was not found"
    if isinstance(error, PermissionError):
        return f"`{program}` may not be run by this user; check its permissions (chmod +x)"
    return f"`{program}` cannot be started: {error.strerror or error}"


def _shown(spec: CommandSpec) -> str:
    return shlex.join(spec.words) if spec.words else "a script for /bin/sh"
