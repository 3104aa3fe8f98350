"""What the schemas refuse, where they point, and in which words."""

from __future__ import annotations

import json

import jsonschema
import pytest

from runner.api import Format, JobKind, ProbeType, Scope, SinkType
from runner.config.assemble import checks_schema, runner_schema, schema_texts
from runner.config.codes import CODES
from runner.config.document import parse
from runner.config.files import shipped
from runner.config.schema import validate
from runner.plugins.host import PluginHost
from runner.plugins.registry import Registry

SQL = {"anyOf": [{"type": "string", "minLength": 1}, {"type": "object", "minProperties": 1}]}
REGISTRY = Registry(
    kinds={
        "check": JobKind(
            name="check",
            summary="Looks.",
            read=lambda node, _: node,
            options={
                "sql": {**SQL, "description": "The query.", "examples": ["select 1"]},
                "warning": {"type": "string", "minLength": 1},
                "key": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                "probe": {"type": "string"},
                "with": {"type": "object"},
                "limit": {"type": "integer", "minimum": 1, "maximum": 9},
            },
        ),
        "command": JobKind(
            name="command",
            summary="Starts.",
            read=lambda node, _: node,
            options={"run": {"type": "array", "items": {"type": "string"}}},
            required=("run",),
            scope=Scope.HOST,
            starts_programs=True,
        ),
    },
    probes={
        "disk": ProbeType(name="disk", summary="Disks", fetch="x:y", options={"path": {"type": "string"}}),
        "latency": ProbeType(name="latency", summary="Time", fetch="x:y"),
    },
    sinks={
        "stdout": SinkType(type="stdout", summary="Screen", open="x:y", accepts_format=True),
        "log_file": SinkType(
            type="log_file", summary="File", open="x:y", options={"path": {"type": "string"}}, required=("path",)
        ),
    },
    formats={"text": Format(name="text", summary="Text", media_type="text/plain", extension="txt", render="x:y")},
)


def complaints(yaml: str, *, settings: bool = False) -> list[str]:
    root = parse(yaml, "f").root
    assert root is not None
    schema = runner_schema(REGISTRY) if settings else checks_schema(REGISTRY)
    found = validate(root, schema)
    assert {item.code for item in found} <= set(CODES)
    return [f"{item.span.line}:{item.span.column} {item.code} {item.message} | {item.hint}" for item in found]


@pytest.mark.parametrize(
    ("yaml", "expected"),
    [
        ("check: a\nwaning: x > 1\n", ["2:1 unknown-key unknown key `waning` | did you mean `warning`?"]),
        ("check: a\nzzz: 1\n", ["2:1 unknown-key unknown key `zzz` | keys that start with x- are free"]),
        ("check: a\nx-team: 1\n", []),
        ("command: a\nrn: [x]\n", ["2:1 unknown-key unknown key `rn` | did you mean `run`?"]),
        ("command: a\n", ["1:1 missing-key this needs the key `run` | "]),
        ("chekc: a\nsql: x\n", ["1:1 unknown-key unknown key `chekc` | did you mean `check`?"]),
        ("sql: x\n", [("1:1 unknown-kind this job has no name | name it with the key that says what it is: "
                      "`check: …`, `command: …`, `use: …`, `jobs: …`")]),
        ("check: a\ntimeout: 5\n",
         ["2:10 bad-value `timeout` must be a duration such as 30s, 5min, 2h or 1d | write the unit: 5s, 5min or 5h"]),
        ("check: a\nfor: often\n",
         ["2:6 bad-value `for` must be a number of runs or a duration, such as 2 runs or 30min | for example: 2 runs"]),
        ("check: a b\n", [("1:8 bad-value `check` must be a name of letters, digits, `-`, `_` and `.` | "
                          "for example: my-check")]),
        ("check: 12\n", [("1:8 bad-value `check` must be a name of letters, digits, `-`, `_` and `.` | "
                         "for example: my-check")]),
        ("check: a\ntitle: 12\n", ['2:8 bad-value `title` must be a text, not a number | quote it: "12"']),
        ("check: a\ntitle:\n", [("2:1 bad-value `title` must be a text, not empty | for example: "
                                "Dead rows are piling up")]),
        ("check: a\ntitle: [x]\n", [("2:8 bad-value `title` must be a text, not a list | for example: "
                                    "Dead rows are piling up")]),
        ("check: a\non_gone: crit\n", ["2:10 bad-value `on_gone` cannot be `crit` | did you mean `critical`?"]),
        ("check: a\nsql: 5\n", ["2:6 bad-value `sql` must be a text or a mapping | for example: select 1"]),
        ("check: a\nsql: ''\n", ["2:6 bad-value `sql` must not be empty | "]),
        ("check: a\nkey: []\n", ["2:6 bad-value `key` must not be empty | "]),
        ("check: a\nkey: [a, 5]\n", ['2:10 bad-value item 2 of `key` must be a text, not a number | quote it: "5"']),
        ("check: a\nlimit: 0\n", ["2:8 bad-value `limit` must be at least 1 | "]),
        ("check: a\nlimit: 10\n", ["2:8 bad-value `limit` must be at most 9 | "]),
        ("check: a\nretry: {wait: 5s}\n", ["2:1 missing-key `retry` needs the key `times` | for example: `times: 1`"]),
        ("check: a\nretry: {tims: 1}\n", ["2:9 unknown-key unknown key `tims` | did you mean `times`?"]),
        ("check: a\nprobe: dsk\n", ["2:8 bad-value `probe` cannot be `dsk` | did you mean `disk`?"]),
        ("check: a\nprobe: disk\nwith: {pth: /}\n", ["3:8 unknown-key unknown key `pth` | did you mean `path`?"]),
        ("check: a\ncatch_up: no\n", []),
        ("check: a\ncatch_up: false\n", []),
        ("check: a\ncatch_up: 1 day\n", []),
        ("check: a\nrequires: {version: 14+, role: primary}\n", []),
        ("check: a\nrequires: {version: 14}\n", []),
        ("check: a\nrequires: {role: master}\n",
         ["2:18 bad-value `role` cannot be `master` | there are: primary, standby"]),
        ("title: t\nschedule: hourly\njobs:\n  - check: a\n  - command: b\n    run: [x]\n", []),
        ("warning: x > 1\njobs:\n  - check: a\n", []),
        ("jobs:\n  - command: b\n", []),
        ("jobs:\n  - use: pg.x\n    warning: y > 1\n    without: [critical]\n", []),
        ("use: pg.x\n", []),
        ("jobs:\n  - check: a\n    sq: x\n", ["3:5 unknown-key unknown key `sq` | did you mean `sql`?"]),
        ("jobs:\n  - title: a\n", [("2:5 unknown-kind this job has no name | name it with the key that says what it is: "
                                   "`check: …`, `command: …`, `use: …`")]),
        ("jobs: pg.x\n", ["1:7 bad-value `jobs` must be a list, not a text | for example: [{use: pg.connections}]"]),
        ("jobs:\n  - pg.x\n", ["2:5 bad-value item 1 of `jobs` must be a mapping, not a text | "]),
        ("schedul: hourly\njobs: []\n", ["1:1 unknown-key unknown key `schedul` | did you mean `schedule`?"]),
    ],
)  # fmt: skip
def test_job_files(yaml: str, expected: list[str]) -> None:
    assert complaints(yaml) == expected


@pytest.mark.parametrize(
    ("yaml", "expected"),
    [
        ("version: 1\n", []),
        ("version: 2\n", ["1:10 bad-value `version` must be 1 | "]),
        ("alow: [command]\n", ["1:1 unknown-key unknown key `alow` | did you mean `allow`?"]),
        ("allow: [comand]\n", ["1:9 bad-value item 1 of `allow` must be command | "]),
        ("sinks: {a: {type: log_fil}}\n", ["1:19 bad-value `type` cannot be `log_fil` | did you mean `log_file`?"]),
        ("sinks: {a: {type: log_file}}\n", ["1:9 missing-key `a` needs the key `path` | "]),
        ("sinks: {a: {path: x}}\n", ["1:9 missing-key `a` needs the key `type` | for example: `type: log_file`"]),
        ("sinks: {a: {type: log_file, pth: x}}\n", ["1:29 unknown-key unknown key `pth` | did you mean `path`?"]),
        ("sinks: {a: {type: stdout, format: txt}}\n",
         ["1:35 bad-value `format` must be text | "]),
        ("sinks: {a: {type: stdout, send: [crit]}}\n",
         ["1:34 bad-value item 1 of `send` cannot be `crit` | did you mean `critical`?"]),
        ("targets: {a: {hots: x}}\n", ["1:15 unknown-key unknown key `hots` | did you mean `host`?"]),
        ("windows: {a: {from: 22:00}}\n", []),
        ("windows: {a: {from: 25:00}}\n",
         ['1:21 bad-value `from` must be a time of day in quotes, such as "02:00" | for example: 02:00']),
        ("routes: [{groups: [a]}]\n", ["1:11 missing-key item 1 of `routes` needs the key `sinks` | for example: `sinks: [pager]`"]),
        ("silences: [{jobs: [a], until: 2027-01-01}]\n",
         ["1:13 missing-key item 1 of `silences` needs the key `reason` | for example: `reason: bulk load`"]),
        ("silences: [{jobs: [a], until: 2027-01-01, reason: x, runs: skipp}]\n",
         ["1:60 bad-value `runs` cannot be `skipp` | did you mean `skip`?"]),
    ],
)  # fmt: skip
def test_settings_file(yaml: str, expected: list[str]) -> None:
    assert complaints(yaml, settings=True) == expected


def test_the_schemas_are_valid_and_say_something_about_every_key() -> None:
    for schema in (checks_schema(REGISTRY), runner_schema(REGISTRY)):
        jsonschema.Draft202012Validator.check_schema(schema)
    for key, fragment in (*checks_schema(REGISTRY)["$defs"].items(), *runner_schema(REGISTRY)["properties"].items()):
        # The keys of a kind have a dot in their name here, and are described by whoever registered it.
        if "." not in key and "properties" not in fragment and "else" not in fragment:
            assert fragment["description"], key
            assert fragment["examples"], key


def test_the_committed_schemas_are_those_of_the_built_ins() -> None:
    registry = PluginHost({}, no_plugins=True).registry()
    for name, text in schema_texts(registry).items():
        committed = (shipped("schema") / name).read_text(encoding="utf-8")
        assert json.loads(text) == json.loads(committed), f"python -m runner.config.regenerate refreshes {name}"
        assert text == committed
