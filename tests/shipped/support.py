"""Homes that use the shipped checks on a server of their own."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.config.files import shipped
from runner.demo.embedded import Server
from tests.cli.support import Said, runner
from tests.postgres import Database

ROOT = shipped("checks.d").parent
LOOKS: list[tuple[str, str]] = []
"""Every check of the catalogue that this process looked at, and the state it was in."""


def database_of(server: Server, name: str = "postgres") -> Database:
    return Database(name=name, base=server.dsn(), major=server.major)


@dataclass
class Shipped:
    """A copy of the shipped home, its logs in a folder of its own."""

    path: Path
    options: dict[str, str]
    password: str = ""

    @classmethod
    def make(cls, path: Path, options: dict[str, str]) -> Shipped:
        path.mkdir(parents=True)
        shutil.copytree(ROOT / "checks.d", path / "checks.d")
        (path / "logs").mkdir()
        settings = (ROOT / "runner.yaml").read_text().replace("/var/log/", f"{path}/logs/")
        (path / "runner.yaml").write_text(settings)
        programs = path / "bin"
        programs.mkdir()
        (programs / "pm2").write_text(f'#!/bin/sh\necho "$@" >> {path}/pm2\n')
        (programs / "pm2").chmod(0o755)
        return cls(path, options)

    @property
    def environ(self) -> dict[str, str]:
        names = {"host": "HOST", "port": "PORT", "dbname": "NAME", "user": "USER", "password": "PASSWORD"}
        database = {f"DATABASE_{names[key]}": value for key, value in self.options.items() if key in names}
        return {**database, "PATH": f"{self.path}/bin:/usr/bin:/bin"}

    def call(self, *words: str) -> Said:
        return runner(*words, home=self.path, environ=self.environ)

    def results(self, *words: str) -> dict[str, Any]:
        """The results of a run, by job."""
        said = self.call("run", *words, "--json")
        document = said.json()
        reports = document.get("reports", [document])
        assert said.err == "", said.err
        assert [report["faults"] for report in reports] == [[]] * len(reports)
        return {result["job"]: result for report in reports for result in report["results"]}


@dataclass
class Use:
    """A home with one catalogue check, with an operator's own values beside `use:`."""

    path: Path
    options: dict[str, str]
    check: str = ""

    def write(self, check: str, **values: object) -> None:
        self.check = check
        (self.path / "checks.d").mkdir(parents=True, exist_ok=True)
        target = json.dumps({**self.options, "connect_timeout": "5"})
        (self.path / "runner.yaml").write_text(f"version: 1\ntargets: {{main: {target}}}\nsinks: {{}}\n")
        job = {"check": "it", "use": check, "schedule": "hourly", **values}
        (self.path / "checks.d" / "it.yaml").write_text(json.dumps(job))

    def look(self, *words: str) -> Any:
        """The result of one run."""
        said = runner("run", "it", "--json", *words, home=self.path)
        assert said.err == "", said.err
        (result,) = said.json()["results"]
        LOOKS.append((self.check, result["state"]))
        return result
