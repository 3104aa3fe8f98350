"""The keys of a check in YAML, as JSON Schema."""

from __future__ import annotations

from typing import Any, Final

from runner.model.quantity import KINDS

_EXPRESSION: Final[dict[str, Any]] = {
    "type": ["string", "boolean", "array"],
    "minLength": 1,
    "minItems": 1,
    "allOf": [{"items": {"type": "string", "minLength": 1}}],
}
SQL: Final[dict[str, Any]] = {
    "type": ["string", "object"],
    "minLength": 1,
    "minProperties": 1,
    "additionalProperties": False,
    "patternProperties": {"^[1-9][0-9]*$": {"type": "string", "minLength": 1}},
}
_ROWS: Final[dict[str, Any]] = {"type": "array", "items": {"type": "object"}, "examples": [[{"dead_rows": 150000}]]}
_KEYS: Final[dict[str, Any]] = {"type": "array", "items": {"type": "string"}}
_STATES: Final = ["ok", "warning", "critical", "unknown", "learning"]
_LINE: Final[dict[str, Any]] = {"type": "string", "examples": ["public.orders: 150,000 dead rows"]}
_EXPECT: Final[dict[str, Any]] = {
    "examples": ["warning"],
    "anyOf": [
        {"enum": _STATES},
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                **{
                    state: {
                        **_KEYS,
                        "description": f"The keys of the rows that are {state}, all of them.",
                        "examples": [["public.orders"]],
                    }
                    for state in _STATES[1:]
                },
                "pending": {
                    **_KEYS,
                    "description": "The keys of the findings that wait for their `for:`.",
                    "examples": [["public.orders"]],
                },
                "state": {"enum": _STATES, "description": "The state of the whole result.", "examples": ["warning"]},
                "message": {**_LINE, "description": "What one of the findings says."},
                "messages": {
                    **_KEYS,
                    "description": "What the findings say, in any order, all of them.",
                    "examples": [["public.orders: 150,000 dead rows"]],
                },
                "hint": {
                    "type": "string",
                    "description": "What one of the hints says to do.",
                    "examples": ["vacuum (analyze) public.orders"],
                },
                "summary": {**_LINE, "description": "The line about the whole result."},
            },
        },
    ],
}
_GIVEN: Final[dict[str, Any]] = {
    "type": ["string", "array"],
    "minLength": 1,
    "minItems": 1,
    "allOf": [{"items": {"type": "string", "minLength": 1}}],
    "description": "SQL that makes the situation in a fresh database; the check's own query is run there then. "
    "Only with `runner test --database`.",
    "examples": ["create table orders (id int)"],
}
_TICK: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "at": {
            "type": "string",
            "description": "When: a time, or `+10min` from the first run of the test.",
            "examples": ["+10min"],
        },
        "ago": {"type": "string", "description": "When: so long before now.", "examples": ["10min"]},
        "rows": {**_ROWS, "description": "The rows that the query returns at that time."},
        "given": _GIVEN,
        "expect": {**_EXPECT, "description": "The state, or the keys per state, and texts, after this run."},
    },
}

OPTIONS: Final[dict[str, Any]] = {
    "sql": {
        **SQL,
        "description": "The query. A map gives one per PostgreSQL major: the highest number not above the server's.",
        "examples": ["select count(*) as used from pg_stat_activity"],
    },
    "probe": {"type": "string", "description": "Where the rows come from instead of SQL.", "examples": ["latency"]},
    "with": {"type": "object", "description": "Options of the probe.", "examples": [{"paths": ["/"]}]},
    "key": {
        "type": "array",
        "items": {"type": "string", "minLength": 1},
        "description": "The columns that identify a row over time.",
        "examples": [["schema", "table"]],
    },
    "columns": {
        "type": "object",
        "additionalProperties": {"enum": sorted(KINDS)},
        "description": "What the columns measure; values are converted to bytes, seconds and shares.",
        "examples": [{"dead_rows": "count", "size": "bytes"}],
    },
    "computed": {
        "type": "object",
        "additionalProperties": {"type": "string", "minLength": 1},
        "description": "More columns, each an expression over the row; thresholds and messages may name them.",
        "examples": [{"week": "growth(size, 7d)"}],
    },
    "warning": {
        **_EXPRESSION,
        "description": "When a row (or the whole result) is a warning. Several in a list mean any of them.",
        "examples": ["dead_rows > 100000"],
    },
    "critical": {
        **_EXPRESSION,
        "description": "When a row (or the whole result) is critical.",
        "examples": ["dead_rows > 1_000_000 and dead_rows > 20% of live_rows"],
    },
    "clear": {
        "type": "string",
        "minLength": 1,
        "description": "A problem lasts until this is true, even when its threshold is no longer crossed.",
        "examples": ["dead_rows < 50_000"],
    },
    "on_null": {
        "enum": ["unknown", "ok", "warning", "critical"],
        "description": "The state of a row whose thresholds cannot be decided; unknown unless set.",
        "examples": ["unknown"],
    },
    "except": {
        "type": "array",
        "items": {"type": "object", "additionalProperties": {"type": "string"}},
        "description": "Rows to leave out: every column given must match; `reason` is for people.",
        "examples": [[{"schema": "public", "table": "spatial_ref_sys", "reason": "owned by PostGIS"}]],
    },
    "message": {
        "type": "string",
        "minLength": 1,
        "description": "One line about one row; columns are shown in their units.",
        "examples": ["{{ schema }}.{{ table }}: {{ dead_rows }} dead rows"],
    },
    "summary": {
        "type": "string",
        "minLength": 1,
        "description": "One line about the whole result; knows `rows`, `count`, `found` (rows that are not ok).",
        "examples": ["{{ count }} tables looked at"],
    },
    "hint": {
        "type": "string",
        "minLength": 1,
        "description": "What to do about a finding; a template like `message`.",
        "examples": ["vacuum (analyze) {{ schema }}.{{ table }}"],
    },
    "remedy": {
        "type": ["string", "object"],
        "minLength": 1,
        "allOf": [
            {
                "properties": {
                    "job": {
                        "type": "string",
                        "minLength": 1,
                        "description": "A maintenance job of this home.",
                        "examples": ["vacuum-one"],
                    },
                    "params": {
                        "type": "object",
                        "additionalProperties": {"type": "string"},
                        "description": "Its parameters; each a template like `message`.",
                        "examples": [{"schema": "{{ schema }}", "table": "{{ table }}"}],
                    },
                },
                "required": ["job"],
                "additionalProperties": False,
            },
        ],
        "description": "The maintenance job that mends a finding; the report shows the command, ready to be pasted.",
        "examples": ["weekly-vacuum", {"job": "vacuum-one", "params": {"table": "{{ table }}"}}],
    },
    "remedy_auto": {
        "enum": ["in window"],
        "description": "The remedy runs by itself for all open problems of the check each time that its window opens.",
        "examples": ["in window"],
    },
    "remedy_every": {
        "type": "string",
        "pattern": r"^\s*([0-9]+(\.[0-9]+)?\s*[a-z]+\s*)+$",
        "errorMessage": "must be a duration such as 30s, 5min, 2h or 1d",
        "description": "How often the remedy runs by itself at most; by default once in each window.",
        "examples": ["7d"],
    },
    "detail": {
        **SQL,
        "description": "A second query whose rows are shown in the report as they are.",
        "examples": ["select pid, usename, state from pg_stat_activity limit 20"],
    },
    "show": {
        "type": "array",
        "items": {"type": "string", "minLength": 1},
        "minItems": 1,
        "description": "The columns of a table that the report shows whatever the state is.",
        "examples": [["database", "size", "change"]],
    },
    "trend": {
        "type": "string",
        "description": "The column whose recent course the report shows.",
        "examples": ["size"],
    },
    "tests": {
        "type": "array",
        "description": "Rows in, states out: run by `runner test` without a database.",
        "examples": [[{"rows": [{"dead_rows": 150000}], "expect": "warning"}]],
        "items": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "name": {
                    "type": "string",
                    "description": "What the test shows.",
                    "examples": ["many dead rows in a large table are fine"],
                },
                "rows": {**_ROWS, "description": "The rows that the query returns."},
                "history": {
                    "type": "array",
                    "description": "Earlier results, oldest first: `ago` (a duration) and `rows`.",
                    "examples": [[{"ago": "1d", "rows": [{"size": 900}]}]],
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["ago", "rows"],
                        "properties": {
                            "ago": {"type": "string", "description": "So long before now.", "examples": ["1d"]},
                            "rows": {**_ROWS, "description": "The rows that the query returned then."},
                        },
                    },
                },
                "ticks": {
                    "type": "array",
                    "minItems": 1,
                    "items": _TICK,
                    "description": "Several runs, oldest first, each with its rows and what is expected after it; "
                    "without a time, one period of the schedule apart.",
                    "examples": [[{"ago": "10min", "rows": [{"used": 95}], "expect": {"pending": ["(all)"]}}]],
                },
                "given": _GIVEN,
                "params": {
                    "type": "object",
                    "description": "Parameters for this test.",
                    "examples": [{"max_dead_rows": 1000}],
                },
                "expect": {**_EXPECT, "description": "The state, or the keys per state, and texts."},
            },
        },
    },
}
