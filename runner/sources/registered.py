"""The sources of targets that come with runner."""

from __future__ import annotations

from runner.api import TargetSourceType

TARGET_SOURCES: tuple[TargetSourceType, ...] = (
    TargetSourceType(
        type="file",
        summary="A file that lists targets: YAML, JSON or CSV",
        read="runner.sources.file:read",
        options={
            "file": {
                "type": "string",
                "minLength": 1,
                "description": "The file, relative to the home: .yaml, .json, or .csv with the columns in its first line.",
                "examples": ["targets.yaml"],
            }
        },
        required=("file",),
        watches=("file",),
    ),
    TargetSourceType(
        type="sql",
        summary="A query that gives a row for each target",
        read="runner.sources.sql:read",
        options={
            "sql": {
                "type": "string",
                "minLength": 1,
                "description": "The query: the columns name, host, port, dbname, user, dsn, labels (json), label_…",
                "examples": ["select name, host, port, env as label_env from inventory.servers"],
            },
            "on": {
                "type": "string",
                "minLength": 1,
                "description": "The target of `targets:` that is asked.",
                "examples": ["inventory"],
            },
        },
        required=("sql", "on"),
    ),
    TargetSourceType(
        type="command",
        summary="A program that prints targets as JSON or YAML",
        read="runner.sources.command:read",
        options={
            "command": {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 1,
                "description": "The program and its words; it is started in the home, without a shell.",
                "examples": [["./list-targets", "--network", "dmz"]],
            }
        },
        required=("command",),
        starts_programs=True,
    ),
)
