"""The demonstration's folder: a home of its own, logs, reports, and the server's data."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runner.demo.binaries import choose
from runner.demo.embedded import Server
from runner.demo.oracle import DATABASE, ROLE
from runner.demo.planted import SECONDS_TO_NOTICE
from runner.errors import RunnerError, UsageError
from runner.records import dataclass

_MARK = ".runner-demo"
_OURS = ("home", "logs", "reports", "server")
_LOGS = {
    "db-health-check": "twzrd-db-health",
    "db-vacuum-analyze": "twzrd-db-maint",
    "weekly-health-check": "twzrd-weekly-health",
    "daily-alerts": "twzrd-alerts",
    "app-restart": "twzrd-app-restart",
}
_PM2 = """\
#!/bin/sh
# Stands in for pm2: notes what it was told, and says so.
echo "$*" >> "$(dirname "$0")/../../logs/pm2-was-told.log"
echo "this stand-in for pm2 was told: $*"
"""
_FOREIGN = ("DATABASE_", "PG", "RUNNER_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The folder that everything of one demonstration lies in."""

    root: Path

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def server(self) -> Path:
        return self.root / "server"

    @property
    def records(self) -> Path:
        """Every report as one line of JSON."""
        return self.logs / "reports.jsonl"

    @property
    def told(self) -> Path:
        """What the stand-in for pm2 was told."""
        return self.logs / "pm2-was-told.log"

    def make(self) -> None:
        for folder in (self.home, self.logs, self.reports):
            folder.mkdir()

    def remove_server(self, server: Server | None = None) -> None:
        """Stops the server, running or half started, and removes its data; the logs, the reports and the home stay."""
        with suppress(RunnerError):
            (server or Server(self.server, choose(), self.server / "sockets")).remove()
        shutil.rmtree(self.server / "data", ignore_errors=True)

    def clean(self, server: Server | None = None) -> None:
        """Removes all of it, the server too."""
        self.remove_server(server)
        shutil.rmtree(self.root, ignore_errors=True)


def prepare(folder: str) -> Place:
    """An empty folder for the demonstration; what an earlier one left there is removed. Raises UsageError."""
    try:
        root = Path(os.path.abspath(folder)) if folder else Path(tempfile.mkdtemp(prefix="runner-demo-"))
        place = Place(root=root)
        root.mkdir(parents=True, exist_ok=True)
        _refuse_foreign(root)
        _remove_leftovers(place)
        # The server may run as somebody else, who has to get at its own folder in here.
        root.chmod(0o755)
        (root / _MARK).touch()
        place.make()
    except OSError as error:
        raise RunnerError(
            f"cannot write {error.filename or folder}: {error.strerror}", hint="name another folder with --dir"
        ) from error
    return place


def _refuse_foreign(root: Path) -> None:
    if any(root.iterdir()) and not (root / _MARK).exists():
        raise UsageError(f"{root} is not empty", hint="name a new or an empty folder: runner demo --dir DIR")


def _remove_leftovers(place: Place) -> None:
    # A demonstration that was killed leaves its server running.
    place.remove_server()
    for name in _OURS:
        shutil.rmtree(place.root / name, ignore_errors=True)


def write_home(place: Place, server: Server) -> None:
    """runner.yaml and the stand-in for pm2; `runner init` adds the shipped jobs unchanged."""
    (place.home / "runner.yaml").write_text(_settings(place, server), encoding="utf-8")
    program = place.home / "bin" / "pm2"
    program.parent.mkdir()
    program.write_text(_PM2, encoding="utf-8")
    program.chmod(0o755)


def _settings(place: Place, server: Server) -> str:
    files = {name: _quoted(place.logs / f"{name}.log") for name in _LOGS.values()}
    logs = [f"  {name}: {{type: log_file, path: {file}}}" for name, file in files.items()]
    routes = [f"  - {{groups: [{group}], sinks: [{name}]}}" for group, name in _LOGS.items()]
    shown = ", ".join(group for group in _LOGS if group != "daily-alerts")
    return "\n".join(
        [
            "version: 1",
            "env_files: []",
            "defaults: {timezone: UTC, remind_every: 7 days}",
            "allow: [command]",
            "targets:",
            "  main:",
            f"    host: {_quoted(server.sockets)}",
            f"    port: {server.port}",
            f"    dbname: {DATABASE}",
            f"    user: {ROLE}",
            "    labels: {env: demo}",
            "    # Minutes in real life; nobody wants to watch a demonstration for so long.",
            f"    params: {{warn_after: {SECONDS_TO_NOTICE}s}}",
            "sinks:",
            "  screen: {type: stdout}",
            "  screen-changes: {type: stdout, send: [changes]}",
            f"  records: {{type: log_file, path: {_quoted(place.records)}, format: json_lines}}",
            *logs,
            "routes:",
            *routes,
            f"  - {{groups: [{shown}], sinks: [screen]}}",
            "  - {groups: [daily-alerts], sinks: [screen-changes]}",
            "  - {sinks: [records]}",
            "",
        ]
    )


def _quoted(path: Path) -> str:
    return json.dumps(str(path), ensure_ascii=False)


@contextmanager
def without_servers() -> Iterator[None]:
    """Hides every server that the environment names: libpq would listen to it. Restored at the end."""
    hidden = {name: value for name, value in os.environ.items() if name.startswith(_FOREIGN)}
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)


def environment(place: Place) -> dict[str, str]:
    """The environment of the commands, with the stand-in for pm2 first on the PATH."""
    return {**os.environ, "PATH": os.pathsep.join([str(place.home / "bin"), os.environ.get("PATH", os.defpath)])}


def command(*words: str) -> list[str]:
    """How this very installation is called."""
    return [sys.executable, "-m", "runner", *words]
