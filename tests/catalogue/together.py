"""Many faults at once: what `frame.examine` shows of one check, in one look a role for a whole area."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.demo.embedded import Server
from tests.catalogue.frame import CANNOT_TELL, FAULTY_AT, HEALTHY_AT, Case, allowed_states
from tests.cli.support import runner
from tests.postgres import Database

USERS = ("postgres", "minimal", "nobody")
_PATIENCE = 20.0


@dataclass(frozen=True)
class Ward:
    """A home in which each case is a job of its own."""

    path: Path
    options: Mapping[str, str]

    def write(self, cases: Mapping[str, Case], *, healthy: bool) -> None:
        (self.path / "checks.d").mkdir(parents=True, exist_ok=True)
        target = json.dumps({**self.options, "connect_timeout": "5"})
        (self.path / "runner.yaml").write_text(f"version: 1\ntargets: {{main: {target}}}\nsinks: {{}}\n")
        jobs = [
            {"check": _job(name), "use": case.check, **(case.healthy if healthy else case.values)}
            for name, case in cases.items()
        ]
        (self.path / "checks.d" / "ward.yaml").write_text(json.dumps({"schedule": "hourly", "jobs": jobs}))

    def look(self, cases: Mapping[str, Case], moment: str) -> dict[str, Any]:
        """The results by case."""
        said = runner("run", "ward", "--json", "--now", moment, home=self.path)
        assert said.err == "", said.err
        found = {result["job"]: result for result in said.json()["results"]}
        return {name: found[_job(name)] for name in cases}


def examine_together(cases: Mapping[str, Case], tmp_path: Path, server: Server, database: Database) -> None:
    """Quiet before all of the faults, each loud after them, as every role may see it. All complaints at once."""
    wards = {user: Ward(tmp_path / user, server.options(database.name, user)) for user in USERS}
    with ExitStack() as stack:
        for user, ward in wards.items():
            ward.write(cases, healthy=True)
            for moment in sorted({moment for case in cases.values() for moment in case.before}):
                ward.look(cases, moment)
            assert list(_loud(cases, user, ward.look(cases, HEALTHY_AT))) == []
        for plant in dict.fromkeys(case.plant for case in cases.values()):
            plant(stack, server, database)
        for user, ward in wards.items():
            ward.write(cases, healthy=False)
            complaints = _eventually(ward, cases, user)
            assert complaints == [], complaints


def _loud(cases: Mapping[str, Case], user: str, found: Mapping[str, Any]) -> Iterator[str]:
    for name, case in cases.items():
        blind = CANNOT_TELL if user == "nobody" else {case.minimal} if user == "minimal" else set()
        if found[name]["state"] not in case.quiet | blind:
            yield f"{name} as {user} before the fault: {found[name]['state']}, {found[name]['summary']}"


def _eventually(ward: Ward, cases: Mapping[str, Case], user: str) -> list[str]:
    """What is not as it should be once statistics had the time to arrive."""
    end = time.monotonic() + _PATIENCE
    while complaints := list(_complaints(cases, user, ward.look(cases, FAULTY_AT))):
        if time.monotonic() > end:
            break
        time.sleep(0.05)
    return complaints


def _complaints(cases: Mapping[str, Case], user: str, found: Mapping[str, Any]) -> Iterator[str]:
    for name, case in cases.items():
        result = found[name]
        messages = [finding["message"] for finding in result["findings"]] or [result["summary"]]
        if result["state"] not in allowed_states(case, user):
            yield f"{name} as {user}: {result['state']}, {messages}"
        elif result["state"] == case.state and not any(case.says in message for message in messages):
            yield f"{name} as {user} does not say `{case.says}` but {messages}"


def _job(name: str) -> str:
    return name.replace(" ", "-")
