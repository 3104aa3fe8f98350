"""Whole homes: layers, the catalogue, references, and that one mistake never takes the rest along."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from runner.api import CheckPack, CompileContext, JobKind, MappingNode, ProbeType, Scope, SinkType, plain
from runner.compile.home import load_home
from runner.config.diagnostics import render
from runner.config.job_keys import COMMON_KEYS
from runner.config.settings_file import disabled_plugins
from runner.config.settings_keys import top_level
from runner.engine.passed import schedule_digest
from runner.model.home import Home
from runner.model.job import Hold, Requires, Retry
from runner.model.secret import Secret
from runner.model.target import Selector
from runner.plugins.registry import Registry

TEXT = {"type": "string"}


def read_check(node: MappingNode, context: CompileContext) -> object:
    if plain(node.get("warning")) == "bad":
        context.complain("expression", node.entries["warning"].node.span, "no column `bad`")
    if plain(node.get("warning")) == "odd":
        context.advise("expression", node.entries["warning"].node.span, "always true")
    if plain(node.get("warning")) == "crash":
        raise ZeroDivisionError("oops")
    return plain(node), dict(context.params)


CHECK = JobKind(
    name="check",
    summary="Looks",
    read=read_check,
    options={
        "sql": TEXT, "warning": TEXT, "critical": TEXT, "columns": {"type": "object"}, "probe": TEXT,
        "tests": {"type": "array"},
    },
    converse="x:y",
)  # fmt: skip
COMMAND = JobKind(
    name="command",
    summary="Starts",
    read=lambda node, _: plain(node),
    options={"run": {"type": "array"}, "shell": TEXT, "env": {"type": "object"}},
    required=("run",),
    run="x:y",
    scope=Scope.HOST,
    starts_programs=True,
)
REGISTRY = Registry(
    kinds={"check": CHECK, "command": COMMAND},
    probes={"disk": ProbeType(name="disk", summary="Disks", fetch="x:y", needs_server=False)},
    sinks={
        "stdout": SinkType(type="stdout", summary="Screen", open="x:y"),
        "log_file": SinkType(type="log_file", summary="File", open="x:y", options={"path": TEXT}),
        "mail": SinkType(
            type="mail", summary="Mail", open="x:y",
            options={"port": {"type": "integer"}, "key": {"type": "string", "writeOnly": True}, "to": TEXT},
        ),
    },
)  # fmt: skip
CATALOGUE = """
for_each: database
jobs:
  - check: pg.size
    title: Size
    sql: select 1
    warning: a > 1
    critical: a > 2
    params: {low: 1, high: 2}
  - check: pg.index-a
    sql: select 2
  - check: pg.index-b
    sql: select 3
  - command: pg.restart
    run: [x]
"""

Make = Callable[..., Home]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def load(files: Mapping[str, str], environ: Mapping[str, str] | None = None, registry: Registry = REGISTRY) -> Home:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return load_home(tmp_path, registry, environ or {})

    return load


def said(home: Home) -> list[str]:
    return [f"{item.span} {item.code}" for item in home.diagnostics]


def spec(home: Home, name: str) -> dict[str, object]:
    job = home.job(name)
    assert job is not None
    return job.spec[0]  # type: ignore[index, no-any-return]


def test_an_empty_home_has_the_built_in_values(make: Make) -> None:
    home = make({})
    assert home.diagnostics == ()
    assert home.targets["main"].address == "localhost/postgres"
    assert {name: (sink.type, sink.send) for name, sink in home.settings.sinks.items()} == {
        "stdout": ("stdout", ("critical", "warning", "unknown", "recovered")),
        "log": ("log_file", ("all",)),
    }
    assert home.settings.sinks["log"].options == {"path": ".runner/runner.log"}


def test_every_common_key(make: Make) -> None:
    home = make(
        {
            "runner.yaml": 'windows: {night: {from: "22:00", to: "05:00", days: [sat]}}\n',
            "checks.d/a.yaml": """
check: a
title: A
description: What
hint: Do
runbook: https://x
owner: me
tags: [t]
schedule: daily at 01:30
timezone: Europe/Paris
catch_up: 2h
window: night
overlap: wait
timeout: 1min
statement_timeout: 5s
lock_timeout: 1s
retry: {times: 2, wait: 3s}
targets: {env: prod}
for_each: database
requires: {version: 14-16, role: standby, extension: {x: 1.10}, setting: {fsync: true}, grant: pg_monitor}
applies_if: select true
precondition: select false
params: {n: 1}
for: 3 runs
on_gone: critical
remind_every: 1d
sql: select 1
tests: [{expect: ok}]
x-ours: 1
""",
        }
    )
    assert said(home) == ["checks.d/a.yaml:18:10 no-target"]
    job = home.job("a")
    assert job is not None
    assert (job.title, job.description, job.hint, job.runbook, job.owner) == ("A", "What", "Do", "https://x", "me")
    assert (job.tags, job.catch_up, job.overlap, job.timeout, job.statement_timeout, job.lock_timeout) == (
        ("t",), 7200.0, "wait", 60.0, 5.0, 1.0,
    )  # fmt: skip
    assert job.schedule is not None
    assert (job.schedule.text, job.schedule.timezone) == ("daily at 01:30", "Europe/Paris")
    assert job.window is home.settings.windows["night"]
    assert (job.retry, job.scope, job.hold) == (Retry(times=2, wait=3.0), Scope.DATABASE, Hold(runs=3))
    assert job.targets == Selector(labels={"env": "prod"})
    assert job.requires == Requires(
        version=(14, 16), role="standby", extensions={"x": "1.10"}, settings={"fsync": "on"}, grants=("pg_monitor",)
    )
    assert (job.applies_if, job.precondition, job.on_gone, job.remind_every) == (
        "select true", "select false", "critical", 86400.0,
    )  # fmt: skip
    assert plain(job.documented["tests"]) == [{"expect": "ok"}]  # type: ignore[arg-type]
    assert job.origins["schedule"].line == 9
    assert spec(home, "a") == {"check": "a", "sql": "select 1", "tests": [{"expect": "ok"}]}


@pytest.mark.parametrize(
    ("written", "attribute", "value"),
    [
        ("catch_up: no", "catch_up", 0.0),
        ("catch_up: false", "catch_up", 0.0),
        ("for: 30min", "hold", Hold(seconds=1800.0)),
        ("targets: main", "targets", Selector(names=("main",))),
        ("targets: ['m*', main]", "targets", Selector(names=("m*", "main"))),
        ("targets: {names: [main], labels: {}}", "targets", Selector(names=("main",))),
        ("requires: {version: 14+}", "requires", Requires(version=(14, None))),
        ("requires: {version: 15}", "requires", Requires(version=(15, 15))),
        ("requires: {extension: [a, b], setting: fsync}", "requires",
         Requires(extensions={"a": "", "b": ""}, settings={"fsync": "on"})),
        ("probe: disk", "scope", Scope.HOST),
        ("sql: x", "scope", Scope.INSTANCE),
    ],
)  # fmt: skip
def test_other_forms(make: Make, written: str, attribute: str, value: object) -> None:
    home = make({"checks.d/a.yaml": f"check: a\n{written}\n"})
    assert said(home) == []
    assert getattr(home.job("a"), attribute) == value


def test_layers_from_weakest_to_strongest(make: Make) -> None:
    home = make(
        {
            "runner.yaml": "defaults: {timezone: Europe/Rome, owner: d, statement_timeout: 1s, lock_timeout: 1s}\n",
            "checks.d/g.yaml": """
title: The group
owner: f
statement_timeout: 2s
params: {a: 1, b: 1}
warning: shared
run: [shared]
jobs:
  - check: a
    statement_timeout: 3s
    params: {b: 2, c: 2}
  - command: b
    schedule: hourly
""",
        }
    )
    job = home.job("a")
    assert job is not None
    assert home.groups == {"g": "The group"}
    assert (job.title, job.owner, job.lock_timeout, job.statement_timeout) == ("a", "f", 1.0, 3.0)
    assert job.params == {"a": 1, "b": 2, "c": 2}
    assert {key: (span.file, span.line) for key, span in job.origins.items()} == {
        "timezone": ("runner.yaml", 1),
        "lock_timeout": ("runner.yaml", 1),
        "owner": ("checks.d/g.yaml", 3),
        "statement_timeout": ("checks.d/g.yaml", 10),
        "params": ("checks.d/g.yaml", 11),
        "warning": ("checks.d/g.yaml", 6),
        "check": ("checks.d/g.yaml", 9),
    }
    other = home.job("b")
    assert other is not None
    assert other.spec == {"command": "b", "run": ["shared"]}
    assert other.schedule is not None
    assert other.schedule.timezone == "Europe/Rome"
    assert (job.order, other.order) == (0, 1)
    assert said(home) == ["checks.d/g.yaml:12:5 command-not-allowed"]


def test_the_digest_changes_with_the_schedule_alone(make: Make) -> None:
    def digest(text: str) -> str:
        job = make({"checks.d/a.yaml": f"check: a\n{text}"}).job("a")
        assert job is not None
        assert job.schedule is not None
        return schedule_digest(job.schedule)

    hourly = digest("schedule: hourly\n")
    assert digest("schedule: hourly\ntitle: x\n") == hourly
    assert len({hourly, digest("schedule: daily\n"), digest("schedule: hourly\ntimezone: Asia/Tokyo\n")}) == 3


def test_used_checks(make: Make) -> None:
    home = make(
        {
            "checks.d/catalogue/own.yaml": CATALOGUE,
            "checks.d/catalogue/presets.yaml": "presets: {few: [pg.size, 'pg.index-*']}\n",
            "checks.d/g.yaml": """
schedule: hourly
for_each: instance
sql: ignored
jobs:
  - use: pg.size
    warning: a > 5
    without: [critical]
    params: {high: 9}
  - check: mine
    use: pg.size
    schedule: daily
  - use: pg.index-*
""",
        }
    )
    assert said(home) == []
    assert [job.name for job in home.jobs] == ["size", "mine", "index-a", "index-b"]
    assert spec(home, "size") == {"sql": "select 1", "warning": "a > 5"}
    size, mine = home.job("size"), home.job("mine")
    assert size is not None
    assert mine is not None
    assert size.params == {"low": 1, "high": 9}
    assert (size.title, size.scope) == ("Size", Scope.DATABASE)
    assert (size.origins["sql"].file, size.origins["warning"].file) == (
        "checks.d/catalogue/own.yaml",
        "checks.d/g.yaml",
    )
    assert (size.schedule and size.schedule.text, mine.schedule and mine.schedule.text) == ("hourly", "daily")
    assert size.span.line == 6


def test_presets_and_packs(make: Make, tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "more.yaml").write_text("jobs:\n  - check: acme.extra\n    sql: select 4\n")
    registry = replace(REGISTRY, packs=(CheckPack(name="acme", version="1", root=pack, summary="More"),))
    files = {
        "checks.d/catalogue/own.yaml": CATALOGUE + "presets: {few: [pg.size, 'pg.index-*', acme.extra]}\n",
        "checks.d/g.yaml": "jobs:\n  - use: preset.few\n",
    }
    home = make(files, registry=registry)
    assert [job.name for job in home.jobs] == ["size", "index-a", "index-b", "extra"]


@pytest.mark.parametrize(
    ("preset", "names"),
    [("minimal", "a"), ("standard", "ab"), ("full", "abc"), ("schema-review", "d")],
)
def test_tags_make_presets(make: Make, tmp_path: Path, preset: str, names: str) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "more.yaml").write_text("jobs:\n  - {check: acme.z, tags: [minimal, schema-review], sql: select 4}\n")
    registry = replace(REGISTRY, packs=(CheckPack(name="acme", version="1", root=pack, summary="More"),))
    tagged = {"a": "minimal", "b": "standard", "c": "full", "d": "schema-review", "e": "other"}
    items = "".join(f"  - {{check: our.{name}, tags: [x, {tag}], sql: select 1}}\n" for name, tag in tagged.items())
    files = {
        "checks.d/catalogue/own.yaml": f"jobs:\n{items}",
        "checks.d/g.yaml": f"jobs:\n  - use: preset.{preset}\n    tags: [mine]\n",
    }
    home = make(files, registry=registry)
    assert [job.name for job in home.jobs if job.name in {*tagged, "z"}] == list(names)


def test_a_preset_of_a_file_is_stronger_than_the_tags(make: Make) -> None:
    own = CATALOGUE + "presets: {standard: [pg.size]}\n"
    home = make({"checks.d/catalogue/own.yaml": own, "checks.d/g.yaml": "jobs:\n  - use: preset.standard\n"})
    assert [job.name for job in home.jobs] == ["size"]


@pytest.mark.parametrize(
    ("item", "code", "message", "hint"),
    [
        ("use: pg.sise", "unknown-catalogue", "the catalogue has no check `pg.sise`", "did you mean `pg.size`?"),
        ("use: pg.zzz-*", "empty-pattern", "no check of the catalogue matches `pg.zzz-*`", "runner catalogue list"),
        ("use: few", "unknown-catalogue", "the catalogue has no check `few`", "a preset is written `use: preset.few`"),
        ("use: preset.fwe", "unknown-catalogue", "there is no preset `preset.fwe`", "did you mean `preset.few`?"),
        ("use: pg.index-*\n    check: x", "bad-value",
         "`pg.index-*` stands for 2 checks, which cannot all have this name",
         "remove the name, or write one `use:` for each"),
        ("use: pg.size\n    run: [x]", "unknown-key", "`pg.size` is a check, which has no key `run`", ""),
        ("use: pg.size\n    command: x", "unknown-key", "`pg.size` is a check, which has no key `command`",
         "name it with `check:`"),
    ],
)  # fmt: skip
def test_mistakes_with_the_catalogue(make: Make, item: str, code: str, message: str, hint: str) -> None:
    home = make(
        {
            "checks.d/catalogue/own.yaml": CATALOGUE + "presets: {few: [pg.size]}\n",
            "checks.d/g.yaml": f"jobs:\n  - check: good\n  - {item}\n",
        }
    )
    assert [(found.code, found.message, found.hint) for found in home.diagnostics] == [(code, message, hint)]
    assert [job.name for job in home.jobs] == ["good"]


@pytest.mark.parametrize(
    ("files", "expected", "jobs", "broken"),
    [
        ({"a.yaml": "check: a\nsql: {{ x }}\n", "b.yaml": "check: b\n"}, ["a.yaml:2:6 yaml-template"], ["b"], {"a"}),
        ({"a.yaml": "check: a\nzzz: 1\n", "b.yaml": "check: b\n"}, ["a.yaml:2:1 unknown-key"], ["b"], {"a"}),
        ({"g.yaml": "jobs:\n  - {check: a, zzz: 1}\n  - check: b\n"}, ["g.yaml:2:16 unknown-key"], ["b"], {"a"}),
        ({"g.yaml": "zzz: 1\njobs:\n  - check: a\n"}, ["g.yaml:1:1 unknown-key"], [], {"a", "g"}),
        ({"a.yaml": "check: a\nwarning: bad\n"}, ["a.yaml:2:10 expression"], [], {"a"}),
        ({"a.yaml": "check: a\nwarning: odd\n"}, ["a.yaml:2:10 expression"], ["a"], set()),
        ({"a.yaml": "check: a\nwarning: crash\n"}, ["a.yaml:1:1 plugin-failed"], [], {"a"}),
        ({"a.yaml": "check: a\nschedule: somtimes\n"}, ["a.yaml:2:11 bad-schedule"], [], {"a"}),
        ({"a.yaml": "check: a\nschedule: hourly\ntimezone: Mars\n"}, ["a.yaml:3:11 bad-schedule"], [], {"a"}),
        ({"a.yaml": "check: a\ntimeout: 5 parsecs\n"}, ["a.yaml:2:10 bad-schedule"], [], {"a"}),
        ({"a.yaml": "check: a\nwindow: nigt\n"}, ["a.yaml:2:9 unknown-window"], [], {"a"}),
        ({"a.yaml": "check: a\ntargets: [mian]\n"}, ["a.yaml:2:11 unknown-target"], [], {"a"}),
        ({"a.yaml": "check: a\ntargets: 'x*'\n"}, ["a.yaml:2:10 no-target"], ["a"], set()),
        ({"a.yaml": "check: a\nparams: {x: '${NOPE}'}\n"}, ["a.yaml:2:14 unset-variable"], [], {"a"}),
        ({"a.yaml": "check: a\nprobe: disk\nfor_each: database\n"}, ["a.yaml:3:1 bad-value"], [], {"a"}),
        ({"g.yaml": "jobs:\n  - command: a\n"},
         ["g.yaml:2:5 missing-key"], [], {"a"}),
        ({"a.yaml": "check: x\n", "b.yaml": "check: x\n"}, ["b.yaml:1:1 duplicate-job"], [], {"x"}),
        ({"a.yaml": "check: x\n", "sub/a.yaml": "check: y\n"}, ["sub/a.yaml:1:1 duplicate-group"], ["x"], {"a"}),
        ({"a.yaml": "# nothing\n"}, ["a.yaml:1:1 empty-file"], [], set()),
        ({"a.yaml": "jobs: []\n"}, ["a.yaml:1:1 empty-file"], [], set()),
    ],
)  # fmt: skip
def test_one_mistake_leaves_the_rest(
    make: Make, files: dict[str, str], expected: list[str], jobs: list[str], broken: set[str]
) -> None:
    home = make({f"checks.d/{name}": text for name, text in files.items()})
    assert said(home) == [f"checks.d/{line}" for line in expected]
    assert [job.name for job in home.jobs] == jobs
    assert home.broken == broken


def test_sql_and_scripts_keep_their_dollars(make: Make) -> None:
    home = make(
        {
            "runner.yaml": "allow: [command]\n",
            "checks.d/a.yaml": "check: a\nsql: select $1, '${X}'\nwarning: ${Y}\nparams: {p: '${P}'}\n",
            "checks.d/b.yaml": "command: b\nrun: [echo, '${P}']\nshell: echo ${X}\nenv: {A: '${P_TOKEN}'}\n",
        },
        {"P": "p", "P_TOKEN": "s3cret"},
    )
    assert said(home) == []
    job = home.job("b")
    assert job is not None
    assert spec(home, "a") == {"check": "a", "sql": "select $1, '${X}'", "warning": "${Y}"}
    assert job.spec == {"command": "b", "run": ["echo", "p"], "shell": "echo ${X}", "env": {"A": "s3cret"}}
    assert Secret("s3cret") in home.secrets


SETTINGS = """
version: 1
state: sqlite:x.db
defaults: {timezone: Europe/Paris, remind_every: 1h}
targets:
  main: {host: "${H:-db}", labels: {env: prod}}
  broken: {hots: x}
sinks:
  mail: {type: mail, port: "${PORT}", key: abcd, to: me, send: [critical], timeout: 3s}
  bad: {type: mial}
routes:
  - {sinks: [mail], groups: [g], states: [critical], targets: {env: prod}}
  - {sinks: [mail], lasting: 2h, quiet: night}
windows: {night: {from: "22:00", to: "05:00"}}
silences:
  - {jobs: [a], until: 2027-01-31, reason: load}
  - {jobs: [a], until: 2027-01-31T18:00:00Z, reason: load}
  - {jobs: [a], window: night, reason: load, runs: skip}
crontab: {marker: mine}
plugins: {disabled: [acme]}
retention: {samples: 1d, runs: 2d}
connections: 7
"""


def test_settings_keep_what_is_right(make: Make, tmp_path: Path) -> None:
    home = make({"runner.yaml": SETTINGS, "checks.d/g.yaml": "check: a\n"}, {"PORT": "25"})
    assert said(home) == ["runner.yaml:7:12 unknown-key", "runner.yaml:10:15 bad-value"]
    settings = home.settings
    assert list(home.targets) == ["main"]
    assert home.targets["main"].options["host"] == "db"
    assert settings.sinks["mail"].options == {"port": 25, "key": Secret("abcd"), "to": "me"}
    assert (settings.sinks["mail"].send, settings.sinks["mail"].timeout) == (("critical",), 3.0)
    assert "bad" not in settings.sinks
    assert settings.routes[0].targets == Selector(labels={"env": "prod"})
    assert (settings.routes[1].lasting, settings.routes[1].quiet) == (7200.0, "night")
    assert settings.routes[1].states == ("problems", "recovered")
    assert [silence.until for silence in settings.silences] == [
        datetime(2027, 2, 1, tzinfo=ZoneInfo("Europe/Paris")),
        datetime(2027, 1, 31, 18, tzinfo=UTC),
        None,
    ]
    assert [silence.runs for silence in settings.silences] == ["continue", "continue", "skip"]
    assert (settings.state, settings.timezone, settings.remind_every) == ("sqlite:x.db", "Europe/Paris", 3600.0)
    assert (settings.crontab_marker, settings.connections) == ("mine", 7)
    assert (settings.keep_samples, settings.keep_runs, settings.plugins_disabled) == (86400.0, 172800.0, ("acme",))
    assert (settings.keep_hourly, settings.keep_daily) == (90 * 86400.0, 400 * 86400.0)
    assert disabled_plugins(tmp_path) == ("acme",)


@pytest.mark.parametrize(
    ("yaml", "days"),
    [
        ("", (30, 90, 400)),
        ("retention: {samples: 120d}\n", (120, 120, 400)),
        ("retention: {samples: 500d}\n", (500, 500, 500)),
        ("retention: {daily: 60d}\n", (30, 60, 60)),
        ("retention: {samples: 1d, hourly: 1d, daily: 1d}\n", (1, 1, 1)),
        ("retention: {hourly: 730d}\n", (30, 730, 730)),
    ],
)
def test_retention_that_is_not_written_follows_what_is(make: Make, yaml: str, days: tuple[int, ...]) -> None:
    home = make({"runner.yaml": yaml, "checks.d/g.yaml": "check: a\n"})
    keep = home.settings
    assert (said(home), (keep.keep_samples, keep.keep_hourly, keep.keep_daily)) == (
        [],
        tuple(day * 86400 for day in days),
    )


def test_retention_that_contradicts_itself_says_what_to_write(make: Make) -> None:
    home = make({"runner.yaml": "retention: {samples: 30d, hourly: 10d}\n", "checks.d/g.yaml": "check: a\n"})
    (wrong,) = home.diagnostics
    assert wrong.message == "`hourly` (10 d) is shorter than `samples` (30 d), from which it is made"
    assert wrong.hint == "write `hourly: 30d` or longer, or a shorter `samples`"


@pytest.mark.parametrize(
    ("yaml", "expected"),
    [
        ("routes: [{sinks: [stdot]}]\n", ["1:19 unknown-sink"]),
        ("routes: [{sinks: [log], groups: [gg]}]\n", ["1:34 unknown-group"]),
        ("routes: [{sinks: [log], groups: ['g*'], jobs: [b]}]\n", ["1:48 unknown-job"]),
        ("routes: [{sinks: [log], tags: [x]}]\n", ["1:32 unknown-tag"]),
        ("routes: [{sinks: [log], targets: [x]}]\n", ["1:35 unknown-target"]),
        ("silences: [{jobs: [b], reason: r, window: w}]\n", ["1:20 unknown-job", "1:43 unknown-window"]),
        ("silences: [{jobs: [a], reason: r}]\n", ["1:13 missing-key"]),
        ("silences: [{jobs: [a], reason: r, until: soon}]\n", ["1:42 bad-schedule"]),
        ("defaults: {timezone: Mars}\n", ["1:22 bad-schedule"]),
        ("defaults: {remind_every: 61e999h}\n", ["1:26 bad-schedule"]),
        (
            "defaults: {timeout: 61e999h, retry: {times: 1, wait: 61e999h}}\n",
            ["1:21 bad-schedule", "1:54 bad-schedule"],
        ),
        ("windows: {w: {from: '02:00', to: '03:00', days: [someday]}}\n", ["1:11 bad-schedule"]),
        ("targets: {main: {dsn: 'nonsense'}}\n", ["1:23 bad-dsn"]),
        ("targets: {x: {password: '${NOPE}'}}\n", ["1:26 unset-variable"]),
        ("connections: '${NOPE}'\n", ["1:15 unset-variable"]),
        ("state: [a]\n", ["1:8 bad-value"]),
        ("retention: {hourly: 10d}\n", ["1:21 bad-value"]),
        ("retention: {samples: 30d, hourly: 40d, daily: 35d}\n", ["1:47 bad-value"]),
        ("retention: {samples: 10d, daily: 5d}\n", ["1:34 bad-value"]),
        ("state: sqlite:a: b\n", ["1:16 yaml-syntax"]),
    ],
)
def test_mistakes_in_settings(make: Make, yaml: str, expected: list[str]) -> None:
    home = make({"runner.yaml": yaml, "checks.d/g.yaml": "check: a\n"})
    assert said(home) == [f"runner.yaml:{line}" for line in expected]
    assert [job.name for job in home.jobs] == ["a"]


def test_no_password_is_ever_shown(make: Make) -> None:
    yaml = """
targets:
  a: {password: hunter2, prot: 1}
  b: {dsn: "postgresql://u:hunter2@h/d", prot: 1}
  c: {dsn: "host=h password=hunter2 oops"}
  d: {dsn: "postgresql://u:hun%74er2@h/d", prot: 1}
"""
    home = make({"runner.yaml": yaml})
    shown = "".join(render(item, home.sources) for item in home.diagnostics) + repr(home)
    assert len(home.diagnostics) == 4
    assert "hunter2" not in shown
    assert "hun%74er2" not in shown
    carets = [render(item, home.sources).splitlines()[2:4] for item in home.diagnostics[:2]]
    assert all(line[marks.index("^") :].startswith("prot") for line, marks in carets)


def test_a_password_in_a_file_that_is_not_yaml(make: Make) -> None:
    home = make({"runner.yaml": "targets:\n  a: {password: hunter2, x: @}\n  b: {dsn: 'http://u:hunter2@h'}\n"})
    assert "hunter2" not in "".join(render(item, home.sources) for item in home.diagnostics)


def test_files_are_all_that_was_read_or_looked_for(make: Make, tmp_path: Path) -> None:
    home = make({"checks.d/a.yaml": "check: a\n", ".env": "A=1\n"})
    assert home.files == (tmp_path / "runner.yaml", tmp_path / ".env", tmp_path / "checks.d/a.yaml")


def test_strange_files_are_diagnostics(make: Make, tmp_path: Path) -> None:
    root = tmp_path / "checks.d"
    (root / "folder.yaml").mkdir(parents=True)
    (root / "link.yaml").symlink_to(root / "nowhere")
    (root / "bytes.yaml").write_bytes(b"check: \xff")
    (tmp_path / "runner.yaml").mkdir()
    home = make({"checks.d/good.yaml": "\ufeffcheck: good\r\nsql: x\r\n"})
    assert said(home) == [
        "checks.d/bytes.yaml:1:8 file-encoding",
        "checks.d/folder.yaml:1:1 file-unreadable",
        "checks.d/link.yaml:1:1 file-unreadable",
        "runner.yaml:1:1 file-unreadable",
    ]
    assert [job.name for job in home.jobs] == ["good"]
    assert home.broken == {"bytes", "folder", "link"}


leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(
    ["", "x", "pg.size", "${X}", "${file:\0}", "2 runs", "5min", "hourly", "main", "night", "*", "14+", "host=h", "stdout"]
)  # fmt: skip
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*COMMON_KEYS, "type", "from", "x"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
job_maps = st.dictionaries(st.sampled_from([*COMMON_KEYS, "check", "command", "use", "sql", "run", "without"]), values)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(sorted(top_level(REGISTRY))), values), job_maps, st.lists(job_maps, max_size=3))
def test_no_content_raises(make: Make, top: object, single: object, several: object) -> None:
    home = make(
        {
            "runner.yaml": json.dumps(top),
            "checks.d/a.yaml": json.dumps(single),
            "checks.d/b.yaml": json.dumps({"jobs": several}),
            "checks.d/catalogue/own.yaml": CATALOGUE,
        }
    )
    for item in home.diagnostics:
        assert render(item, home.sources)
