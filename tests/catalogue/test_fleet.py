"""Servers compared with each other over history: two real servers of two versions, seen as four targets."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.demo.binaries import installations
from runner.demo.embedded import Server
from tests.catalogue.witness import shows
from tests.cli.support import runner
from tests.postgres import SETTINGS, Servers
from tests.shipped.support import LOOKS

NOW = "2026-03-04T03:10Z"
CHECKS = ("version-outlier", "setting-outlier", "age-outlier", "unseen-target")
SEEN = "title: Seen\nschedule: hourly\njobs:\n  - use: pg.reachable\n  - use: pg.settings-changed\n"


class Home:
    """Three targets on one server, and a fourth on another."""

    def __init__(self, path: Path, most: Server, other: Server) -> None:
        self.path, self._most, self._other = path, most, other
        self.write("seen", SEEN)
        for check in CHECKS:
            self.check(check)

    def check(self, check: str, **values: Any) -> None:
        self.write(check, json.dumps({"check": check, "use": f"fleet.{check}", **values}))

    def write(self, name: str, text: str) -> None:
        (self.path / "checks.d").mkdir(parents=True, exist_ok=True)
        (self.path / "checks.d" / f"{name}.yaml").write_text(text)

    def targets(self, **more: dict[str, Any]) -> None:
        most = {f"a{number}": {**self._most.options(), "labels": {"env": "prod"}} for number in (1, 2, 3)}
        settings = {"targets": {**most, **more}, "sinks": {}}
        (self.path / "runner.yaml").write_text(json.dumps(settings))

    def with_the_other(self, **keys: Any) -> None:
        self.targets(b={**self._other.options(), **keys})

    def see(self) -> None:
        """A job is seen by one tick and run by the next."""
        for now in ("2026-03-04T02:55Z", "2026-03-04T03:00Z"):
            said = runner("run-due", "--now", now, home=self.path)
            assert (said.code, said.err) == (0, "")

    def look(self, check: str, *words: str) -> Any:
        said = runner("run", check, "--json", *(words or ("--now", NOW)), home=self.path)
        assert said.err == "", said.err
        (result,) = said.json()["results"]
        LOOKS.append((f"fleet.{check}", result["state"]))
        return result


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory, server: Servers) -> Iterator[Server]:
    """A server of another version and with another setting."""
    majors = {item.major: item.folder for item in installations() if item.major != server.major}
    if not majors:
        pytest.skip("needs the programs of a second PostgreSQL version")
    folder = tmp_path_factory.mktemp("other")
    folder.chmod(0o755)
    programs = majors[max(majors)]
    started = Server.start(folder / "pg", {**SETTINGS, "work_mem": "77MB"}, version=max(majors), programs=programs)
    yield started
    started.remove()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def home(tmp_path: Path, patient: Server, other: Server) -> Home:
    return Home(tmp_path / "home", patient, other)


def told(result: Any) -> list[str]:
    return [finding["message"] for finding in result["findings"]]


@shows("fleet.version-outlier", "fleet.setting-outlier", "fleet.age-outlier")
def test_what_one_server_has_alone(home: Home, patient: Server, other: Server) -> None:
    home.targets()
    home.see()
    assert {check: home.look(check)["state"] for check in CHECKS} == dict.fromkeys(CHECKS, "ok")
    home.with_the_other()
    runner("run", "seen", "--no-deliver", "--now", "2026-03-04T03:05Z", home=home.path)
    [message] = told(home.look("version-outlier"))
    assert message.startswith(f"b has {other.major}.")
    assert f"75 % of 4 servers have {patient.major}." in message
    messages = told(home.look("setting-outlier"))
    assert "b: work_mem is 78848 kB, 75 % of 4 servers have 4096 kB" in messages
    assert not [message for message in messages if "port is" in message or "data_directory" in message]
    # Servers of a test are seconds old.
    home.check("age-outlier", params={"times": 0.0001, "longer": "0s"})
    ages = told(home.look("age-outlier"))
    assert {message.partition(":")[0] for message in ages} <= {"a1", "a2", "a3"}
    assert all("usual is" in message and "of 4 servers" in message for message in ages)
    assert ages


@shows("fleet.version-outlier", loud=False)
def test_servers_of_another_kind_are_compared_among_themselves(home: Home) -> None:
    home.check("version-outlier", **{"with": {"jobs": ["reachable"], "column": "release", "by": "env"}})
    home.with_the_other(labels={"env": "old"})
    home.see()
    assert home.look("version-outlier")["state"] == "ok"


@shows("fleet.unseen-target")
def test_a_server_that_no_job_means(home: Home) -> None:
    home.write("seen", SEEN.replace("jobs:", "targets: {env: prod}\njobs:"))
    home.targets()
    home.see()
    assert home.look("unseen-target")["state"] == "ok"
    home.with_the_other()
    assert told(home.look("unseen-target")) == ["b: no job ever looked at it"]
    late = told(home.look("unseen-target", "--now", "2099-01-01T00:00Z"))
    assert len(late) == 4, "nobody looked at any of them for years"


def test_a_home_without_the_job_that_is_compared_says_so(home: Home) -> None:
    home.write("seen", SEEN.replace("  - use: pg.settings-changed\n", ""))
    home.targets()
    said = runner("run", "setting-outlier", "--json", home=home.path)
    assert "this home has no job settings-changed" in said.out
