"""A new distribution with a kind of job."""

from __future__ import annotations

SUMMARY = "Removes old files from a folder"

USE = """\
```yaml
# checks.d/@word@.yaml
@name@: old-dumps
schedule: daily at 04:00
folder: /var/backups/dumps
older_than: 14        # days
```

`runner run old-dumps --dry-run` says what it would do.
"""

PACKAGE = '''\
"""What this plugin adds to runner. It is imported at every tick, so it imports nothing that costs time."""

from __future__ import annotations

from runner.api import JobKind, Scope, hookimpl

__runner_api__ = (1, 0)

OPTIONS = {
    "folder": {"type": "string", "minLength": 1, "description": "The folder.", "examples": ["/var/backups/dumps"]},
    "older_than": {"type": "integer", "minimum": 0, "description": "Days after which a file goes.", "examples": [14]},
}


@hookimpl
def runner_register_job_kinds() -> list[JobKind]:
    return [
        JobKind(
            name="@name@",
            summary="@summary@",
            read="@package@.@module@:read",
            run="@package@.@module@:run",
            spec="@package@.@module@:Spec",
            options=OPTIONS,
            required=("folder", "older_than"),
            scope=Scope.HOST,
        )
    ]
'''

MODULE = '''\
"""The kind of job `@name@`: `read` compiles its YAML once, `run` does the work of one run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runner.api import (
    CompileContext,
    Finding,
    Job,
    MappingNode,
    Observation,
    Outcome,
    RunContext,
    RunnerError,
    Series,
    State,
    plain,
)

DAY = 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What the job's own keys say, as plain values."""

    folder: str
    days: int


def read(node: MappingNode, context: CompileContext) -> Spec:
    """The job's spec. The keys fit their schema already; what else is wrong is told at its place in the file."""
    folder = str(plain(node.get("folder")))
    if not Path(folder).is_absolute():
        span = node.key_span("folder")
        context.complain("bad-value", span, f"`{folder}` is not a whole path", "begin it with a slash")
    return Spec(folder=folder, days=int(str(plain(node.get("older_than")))))


def run(context: RunContext, job: Job) -> Outcome:
    """Does the work and says what came of it. A raised RunnerError makes the result unknown, with its message."""
    spec = job.spec
    assert isinstance(spec, Spec)
    folder = Path(spec.folder)
    try:
        files = [path for path in sorted(folder.iterdir()) if path.is_file()]
        old = [path for path in files if _age(path, context) > spec.days * DAY]
    except OSError as error:
        raise RunnerError(f"{folder} cannot be read: {error.strerror}", hint=f"ls -ld {folder}") from error
    failed = [finding for path in old if not context.dry_run and (finding := _remove(path))]
    return Outcome(
        summary=f"removed {len(old) - len(failed)} of {len(old)} old files",
        findings=tuple(failed),
        observations=(Observation(values={"removed": len(old) - len(failed)}),),
    )


def _age(path: Path, context: RunContext) -> float:
    # The clock is a parameter: tests and rehearsals have their own.
    return context.now.timestamp() - path.stat().st_mtime


def _remove(path: Path) -> Finding | None:
    try:
        path.unlink()
    except OSError as error:
        message = f"{path} cannot be removed: {error.strerror}"
        return Finding(state=State.WARNING, message=message, series=Series("", (path.name,)))
    return None
'''

TEST = '''\
"""The plugin, and a job of its kind."""

from __future__ import annotations

import os
from pathlib import Path

import @package@ as plugin
from runner.testing import PluginContract, RunnerHome


class TestPlugin(PluginContract):
    """Inherits the tests of every plugin."""

    plugin = plugin


def a_home(runner_home: RunnerHome, folder: object) -> RunnerHome:
    runner_home.write(
        "checks.d/@word@.yaml",
        f"""
        @name@: old-dumps
        schedule: daily at 04:00
        folder: {folder}
        older_than: 1
        """,
    )
    return runner_home


def test_in_a_home(runner_home: RunnerHome, tmp_path: Path) -> None:
    folder = tmp_path / "dumps"
    folder.mkdir()
    for name, modified in (("old", 1_000_000), ("new", None)):
        (folder / name).write_text(name)
        if modified:
            os.utime(folder / name, (modified, modified))
    called = a_home(runner_home, folder).runner("run", "old-dumps")
    assert called.code == 0, called.out + called.err
    assert "removed 1 of 1 old files" in called.out
    assert [path.name for path in folder.iterdir()] == ["new"]


def test_a_folder_that_is_not_there_is_unknown(runner_home: RunnerHome, tmp_path: Path) -> None:
    called = a_home(runner_home, tmp_path / "nowhere").runner("run", "old-dumps")
    assert called.code == 3
    assert "cannot be read: No such file or directory" in called.out


def test_a_mistake_is_told_at_its_place(runner_home: RunnerHome) -> None:
    called = a_home(runner_home, "dumps").runner("validate")
    assert called.code == 1
    assert "`dumps` is not a whole path" in called.out + called.err
'''
