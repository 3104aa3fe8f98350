"""What an editor shows while somebody writes: asked of the YAML language server that VS Code, Neovim and others use."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.app.init import init
from runner.config.job_keys import COMMON_KEYS, DEFAULT_KEYS
from runner.formats.registered import FORMATS
from runner.kinds.check.keys import OPTIONS as CHECK
from runner.kinds.command.options import OPTIONS as COMMAND
from runner.kinds.maintenance.options import OPTIONS as MAINTENANCE
from runner.kinds.maintenance.step_options import STEP
from runner.model.quantity import KINDS
from runner.probes.registered import PROBES
from runner.sinks.registered import SINKS
from tests.editor.server import LanguageServer, missing, started

ROOT = Path(__file__).parents[2]
SHIPPED = [ROOT / "runner.yaml", *sorted((ROOT / "checks.d").rglob("*.yaml"))]
CHECKS_LINE = "# yaml-language-server: $schema=../schema/checks.schema.json\n"
SETTINGS_LINE = "# yaml-language-server: $schema=schema/runner.schema.json\n"
KINDS_OF_JOBS = {"check", "command", "maintenance"}
STATES = {"ok", "warning", "critical", "unknown", "learning"}
COMMON = set(COMMON_KEYS)
ONE_CHECK = "check: a\nsql: select count(*) as used from pg_stat_activity\n"

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "there is one")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    init(folder)
    return folder


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[LanguageServer]:
    with started(home) as found:
        yield found


@pytest.mark.parametrize(("text", "expected"), [
    ("|", {*KINDS_OF_JOBS, "use", "jobs", *COMMON}),
    ("schedule: hourly\n|", {*KINDS_OF_JOBS, "use", "jobs", *COMMON} - {"schedule"}),
    ("jobs:\n  - |", {*KINDS_OF_JOBS, "use", *COMMON}),
    ("jobs:\n  - check: a\n|", {*COMMON, *CHECK, *COMMAND, *MAINTENANCE, "presets"}),
    ("check: a\n|", {*COMMON, *CHECK}),
    ("check: a\nsql: select 1 as x\nwarning: x > 1\n|", {*COMMON, *CHECK} - {"sql", "warning"}),
    ("jobs:\n  - check: a\n    |", {*COMMON, *CHECK}),
    ("jobs:\n  - command: a\n    |", {*COMMON, *COMMAND}),
    ("jobs:\n  - maintenance: a\n    |", {*COMMON, *MAINTENANCE}),
    ("jobs:\n  - use: pg.connections\n    |", {*KINDS_OF_JOBS, *COMMON, *CHECK, *COMMAND, *MAINTENANCE, "without"}),
    ("command: a\n|", {*COMMON, *COMMAND}),
    ("maintenance: a\n|", {*COMMON, *MAINTENANCE}),
    ("maintenance: a\nmeasure:\n  |", {"key", "columns", "sql"}),
    ("maintenance: a\nverify:\n  |", {"warning", "critical"}),
    ("maintenance: a\nsteps:\n  - |", {*STEP["properties"]}),
    ("maintenance: a\nsteps:\n  - vacuum:\n      |",
     {*STEP["properties"]["vacuum"]["properties"]}),
    ("maintenance: a\nsteps:\n  - analyze:\n      |", {*STEP["properties"]["analyze"]["properties"]}),
    ("check: a\nrequires:\n  |", {"version", "role", "extension", "setting", "grant"}),
    ("check: a\nretry:\n  |", {"times", "wait"}),
    ("check: a\nprobe: disk\nwith:\n  |", {"paths"}),
    ("check: a\nprobe: latency\nwith:\n  |", {"sql", "repeat"}),
    ("check: a\ntests:\n  - |", {"name", "rows", "history", "ticks", "given", "params", "expect"}),
    ("check: a\ntests:\n  - rows: []\n    expect:\n      |",
     {*STATES - {"ok"}, "pending", "state", "message", "messages", "summary", "hint"}),
    ("command: a\nexpect:\n  |", {"exit", "stdout_matches"}),
])  # fmt: skip
def test_the_keys_that_fit_are_offered_and_no_others(
    server: LanguageServer, home: Path, text: str, expected: set[str]
) -> None:
    assert keys(server.completion(home / "checks.d" / "new.yaml", CHECKS_LINE + text)) == expected


@pytest.mark.parametrize(("text", "expected"), [
    ("|", {"version", "env_files", "state", "defaults", "allow", "targets", "sinks", "routes", "windows", "silences",
           "crontab", "plugins", "retention", "connections", "executor", "targets_from"}),
    ("defaults:\n  |", set(DEFAULT_KEYS)),
    ("sinks:\n  log:\n    |", {"type"}),
    ("sinks:\n  log:\n    type: log_file\n    |", {"send", "timeout", "format", "rows", "values", "header", "path", "mode"}),
    ("routes:\n  - |", {"sinks", "groups", "jobs", "tags", "states", "targets", "lasting", "quiet"}),
    ("windows:\n  night:\n    |", {"from", "to", "days", "timezone"}),
    ("silences:\n  - |", {"jobs", "targets", "until", "window", "reason", "runs"}),
])  # fmt: skip
def test_the_keys_of_the_settings_are_offered(
    server: LanguageServer, home: Path, text: str, expected: set[str]
) -> None:
    assert keys(server.completion(home / "runner.yaml", SETTINGS_LINE + text)) == expected


@pytest.mark.parametrize(("text", "expected"), [
    ("check: a\nfor_each: |", {"instance", "database"}),
    ("check: a\non_null: |", {"unknown", "ok", "warning", "critical"}),
    ("check: a\non_gone: |", {"ok", "warning", "critical"}),
    ("check: a\noverlap: |", {"skip", "wait"}),
    ("check: a\nprobe: |", {probe.name for probe in PROBES}),
    ("check: a\ncolumns:\n  size: |", set(KINDS)),
    ("check: a\nrequires:\n  role: |", {"primary", "standby"}),
    ("check: a\ntests:\n  - rows: []\n    expect: |", STATES),
    ("maintenance: a\nsteps:\n  - vacuum:\n      tables: |", {"needed", "all"}),
    ("maintenance: a\nsteps:\n  - vacuum:\n      index_cleanup: |", {"auto", '"on"', '"off"'}),
])  # fmt: skip
def test_the_words_that_fit_are_offered(server: LanguageServer, home: Path, text: str, expected: set[str]) -> None:
    assert set(server.completion(home / "checks.d" / "new.yaml", CHECKS_LINE + text)) == expected


@pytest.mark.parametrize(("text", "expected"), [
    ("sinks:\n  log:\n    type: |", {sink.type for sink in SINKS}),
    ("sinks:\n  log:\n    type: log_file\n    format: |", {found.name for found in FORMATS}),
    ("allow:\n  - |", {"command"}),
    ("sinks:\n  log:\n    type: stdout\n    send:\n      - |",
     {"all", *STATES, "skipped", "recovered", "problems", "changes"}),
])  # fmt: skip
def test_the_words_of_the_settings_are_offered(
    server: LanguageServer, home: Path, text: str, expected: set[str]
) -> None:
    assert set(server.completion(home / "runner.yaml", SETTINGS_LINE + text)) == expected


def keys(offered: dict[str, dict[str, Any]]) -> set[str]:
    """Without the entry that writes all required keys at once; it bears the title of its part of the schema."""
    return {
        label
        for label in offered
        if not re.fullmatch(r"Sink|Route|Silence|Retry|Measure|(Sink|Job) of .*|Job from .*", label)
    }


def test_a_threshold_begins_as_a_line_and_not_as_a_list(server: LanguageServer, home: Path) -> None:
    offered = server.completion(home / "checks.d" / "new.yaml", f"{CHECKS_LINE}check: a\n|")
    written = {
        key: offered[key]["insertText"].split("\n")[0] for key in ("warning", "critical", "sql", "for", "schedule")
    }
    assert written["warning"] == "warning: ${1:dead_rows > 100000}"
    assert [key for key, line in written.items() if not line.startswith(f"{key}: ${{1:")] == []


def described() -> list[tuple[str, str, str]]:
    """Where each key of a check, a command and a maintenance job stands, with the description that belongs there."""
    schema = json.loads((ROOT / "schema" / "checks.schema.json").read_text("utf-8"))["$defs"]
    found = [("check", key, schema.get(f"check.{key}") or schema[key]) for key in sorted({*COMMON, *CHECK})]
    found += [("command", key, schema[f"command.{key}"]) for key in COMMAND]
    found += [("maintenance", key, schema[f"maintenance.{key}"]) for key in MAINTENANCE]
    return [(kind, key, fragment["description"]) for kind, key, fragment in found]


@pytest.mark.parametrize(("kind", "key", "description"), described(), ids=lambda value: value[:20])
def test_a_key_under_the_pointer_is_explained(
    server: LanguageServer, home: Path, kind: str, key: str, description: str
) -> None:
    text = f"{CHECKS_LINE}{kind}: a\n|{key}: 5\n"
    said = re.sub(r"\\(?=[^\w\s])", "", server.hover(home / "checks.d" / "new.yaml", text))
    assert description in said
    assert re.match(rf"#### (Job of the kind {kind}|{key.title()})\n", said)
    assert "Example:" in said


def test_keys_deeper_in_are_explained_too(server: LanguageServer, home: Path) -> None:
    path = home / "checks.d" / "new.yaml"
    assert "what is gained most by first" in server.hover(
        path, CHECKS_LINE + "jobs:\n  - maintenance: a\n    steps:\n      - vac|uum: {tables: all}\n"
    )
    assert "The query." in server.hover(path, CHECKS_LINE + "check: a\nsql: sel|ect 1\n")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_shipped_file_has_nothing_underlined(server: LanguageServer, path: Path) -> None:
    assert server.diagnostics(path, path.read_text("utf-8")) == []


@pytest.mark.parametrize(("text", "lines"), [
    (ONE_CHECK + "warning: used > 5\n", []),
    (ONE_CHECK + "x-team: data\nwaring: used > 5\n", [5]),
    (ONE_CHECK + "for_each: datbase\n", [4]),
    (ONE_CHECK + "columns:\n  used: count\n  size: byte\n", [6]),
    (ONE_CHECK + "timeout: 5\n", [4]),
    (ONE_CHECK + "catch_up: true\n", [4]),
    (ONE_CHECK + "tests:\n  - row: []\n", [5]),
    (ONE_CHECK + "warning: {used > 5, y}\n", [4]),
    ("maintenance: a\nsteps:\n  - vacum: {tables: all}\n", [4]),
    ("title: t\njobs:\n  - check: a\n    sql: select 1 as x\n  - command: b\n    rum: [ls]\n", [7]),
    ("check: a\nsql: [select 1]\ncritical: x > 1\nrequires: {role: master}\n", [3, 5]),
    ("check: a\ncheck: b\n", [3]),
])  # fmt: skip
def test_what_is_wrong_is_underlined_on_its_line(
    server: LanguageServer, home: Path, text: str, lines: list[int]
) -> None:
    found = server.diagnostics(home / "checks.d" / "new.yaml", CHECKS_LINE + text)
    assert [line for line, _ in found] == lines, found


def test_the_lock_file_has_checksums_and_names_no_registry() -> None:
    lock = json.loads((Path(__file__).parent / "package-lock.json").read_text("utf-8"))
    packages = {name: item for name, item in lock["packages"].items() if name}
    assert packages
    assert [name for name, item in packages.items() if not item["integrity"].startswith("sha512-")] == []
    assert [name for name, item in packages.items() if "resolved" in item] == []
