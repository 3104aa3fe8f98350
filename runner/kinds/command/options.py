"""The keys of a command job."""

from __future__ import annotations

from runner.api import JsonSchema

OPTIONS: JsonSchema = {
    "run": {
        # A text is let through to the reader, whose complaint says what to write instead.
        "type": ["array", "string"],
        "items": {"type": ["string", "number"]},
        "minItems": 1,
        "description": "The program and its words: [pm2, restart, all]. No shell is involved.",
        "examples": [["pm2", "restart", "all"]],
    },
    "shell": {
        "type": "string",
        "minLength": 1,
        "description": "A script for /bin/sh -c, in place of `run`.",
        "examples": ["pg_dump app | gzip > /backup/app.gz"],
    },
    "cwd": {
        "type": "string",
        "minLength": 1,
        "description": "The folder to start in; a relative path starts at the home, which is the default.",
        "examples": ["/srv/app"],
    },
    "env": {
        "type": "object",
        "additionalProperties": {"type": ["string", "number"]},
        "description": "Environment variables beside those that runner itself was started with.",
        "examples": [{"PM2_HOME": "/srv/app/.pm2"}],
    },
    "expect": {
        "type": "object",
        "additionalProperties": False,
        "description": "What counts as success; by default exit code 0.",
        "examples": [{"exit": [0, 3], "stdout_matches": "^done$"}],
        "properties": {
            "exit": {
                "type": ["integer", "array"],
                "allOf": [{"items": {"type": "integer"}}],
                "description": "The exit code that is success, or a list of them.",
                "examples": [3],
            },
            "stdout_matches": {
                "type": "string",
                "minLength": 1,
                "description": "A regular expression that must be found in the last 8 kB of the standard output.",
                "examples": ["^done$"],
            },
        },
    },
}
