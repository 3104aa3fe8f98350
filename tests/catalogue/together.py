"""Many faults at once: what `frame.examine` shows of one check, in one look a role for a whole area."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.demo.embedded import Server
from tests.catalogue.frame import FAULTY_AT, HEALTHY_AT, Case, allowed_states, run_in
from tests.catalogue.uses import Calm
from tests.cli.support import runner
from tests.postgres import Database, eventually
from tests.shipped.support import LOOKS, database_of

USERS = ("postgres", "minimal", "nobody")
_PATIENCE = 60.0


@dataclass(frozen=True)
class Ward:
    """A home in which each case is a job of its own."""

    path: Path
    options: Mapping[str, str]
    databases: Mapping[str, str] = field(default_factory=dict)
    """The database of each case, when each has its own."""

    def write(self, cases: Mapping[str, Case], *, healthy: bool) -> None:
        (self.path / "checks.d").mkdir(parents=True, exist_ok=True)
        target = {**self.options, "connect_timeout": "5"}
        own = {name: {**target, "dbname": name, "databases": {"include": [name]}} for name in self.databases.values()}
        targets = own or {"main": target}
        (self.path / "runner.yaml").write_text(json.dumps({"version": 1, "targets": targets, "sinks": {}}))
        jobs = [
            {
                "check": _job(name), "use": case.check,
                **({"targets": self.databases[name]} if self.databases else {}),
                **(case.healthy if healthy else case.values),
            }
            for name, case in cases.items()
        ]  # fmt: skip
        (self.path / "checks.d" / "ward.yaml").write_text(json.dumps({"schedule": "hourly", "jobs": jobs}))

    def look(self, cases: Mapping[str, Case], moment: str) -> dict[str, Any]:
        """The results by case."""
        said = runner("run", "ward", "--json", "--now", moment, home=self.path)
        assert said.err == "", said.err
        found = {result["job"]: result for result in said.json()["results"]}
        LOOKS.extend((case.check, found[_job(name)]["state"]) for name, case in cases.items())
        return {name: found[_job(name)] for name in cases}


def examine_together(cases: Mapping[str, Case], tmp_path: Path, server: Server, database: Database) -> None:
    """Quiet before all of the faults, each loud after them, as every role may see it. All complaints at once."""
    wards = {user: Ward(tmp_path / user, server.options(database.name, user)) for user in USERS}
    with ExitStack() as stack:
        _healthy(wards, cases)
        for plant in dict.fromkeys(case.plant for case in cases.values()):
            plant(stack, server, database)
        _sick(wards, cases)


def examine_apart(cases: Mapping[str, Case], tmp_path: Path, server: Server) -> None:
    """The same for faults that would not fit into one database: each gets its own."""
    with ExitStack() as stack:
        databases = _databases(stack, server, cases)
        wards = _wards(tmp_path, server, databases)
        _healthy(wards, cases)
        for name, case in cases.items():
            case.plant(stack, server, databases[name])
        _sick(wards, cases)


def stay_calm_apart(calm: Mapping[str, Calm], tmp_path: Path, server: Server) -> None:
    """Situations that look like a fault and are none, each in a database of its own: ok for those who may look."""
    cases = {
        name: Case(check=each.check, plant=each.plant, state="ok", says="", values=each.values)
        for name, each in calm.items()
    }
    with ExitStack() as stack:
        databases = _databases(stack, server, cases)
        for name, each in calm.items():
            each.plant(stack, server, databases[name])
            if each.seen:
                eventually(lambda name=name, seen=each.seen: databases[name].value(seen), what=each.seen)
        _sick(_wards(tmp_path, server, databases), cases)


def _databases(stack: ExitStack, server: Server, cases: Mapping[str, Case]) -> dict[str, Database]:
    """One for each case, until the end of the stack."""
    found = {name: f"ward{number}" for number, name in enumerate(cases)}
    for name in found.values():
        run_in(server, f"create database {name}")
        stack.callback(run_in, server, f"drop database {name} with (force)")
    return {case: database_of(server, name) for case, name in found.items()}


def _wards(tmp_path: Path, server: Server, databases: Mapping[str, Database]) -> dict[str, Ward]:
    names = {case: database.name for case, database in databases.items()}
    return {user: Ward(tmp_path / user, server.options("postgres", user), names) for user in USERS}


def _healthy(wards: Mapping[str, Ward], cases: Mapping[str, Case]) -> None:
    for user, ward in wards.items():
        ward.write(cases, healthy=True)
        for moment in sorted({moment for case in cases.values() for moment in case.before}):
            ward.look(cases, moment)
        complaints = list(_loud(cases, user, _settled(ward, cases)))
        assert complaints == [], complaints


def _sick(wards: Mapping[str, Ward], cases: Mapping[str, Case]) -> None:
    for user, ward in wards.items():
        ward.write(cases, healthy=False)
        complaints = _eventually(ward, cases, user)
        assert complaints == [], complaints


def _settled(ward: Ward, cases: Mapping[str, Case]) -> dict[str, Any]:
    """The results once none is only learning, or those of the last look."""
    for moment in HEALTHY_AT:
        found = ward.look(cases, moment)
        if all(result["state"] != "learning" for result in found.values()):
            break
    return found


def _loud(cases: Mapping[str, Case], user: str, found: Mapping[str, Any]) -> Iterator[str]:
    for name, case in cases.items():
        if found[name]["state"] not in case.healthy_states(user):
            yield f"{name} as {user} before the fault: {found[name]['state']}, {found[name]['summary']}"


def _eventually(ward: Ward, cases: Mapping[str, Case], user: str) -> list[str]:
    """What is not as it should be once statistics had the time to arrive.

    What was right once is not asked again: a rate is that since the look before.
    """
    end = time.monotonic() + _PATIENCE
    wrong = dict(cases)
    while complaints := dict(_complaints(wrong, user, ward.look(cases, FAULTY_AT))):
        if time.monotonic() > end:
            break
        wrong = {name: case for name, case in wrong.items() if name in complaints}
        time.sleep(0.05)
    return list(complaints.values())


def _complaints(cases: Mapping[str, Case], user: str, found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, case in cases.items():
        result = found[name]
        messages = [finding["message"] for finding in result["findings"]] or [result["summary"]]
        if result["state"] not in allowed_states(case, user):
            yield name, f"{name} as {user}: {result['state']}, {messages}"
        elif result["state"] == case.state and not any(case.says in message for message in messages):
            yield name, f"{name} as {user} does not say `{case.says}` but {messages}"


def _job(name: str) -> str:
    return re.sub("[^a-z0-9]+", "-", name.lower())
