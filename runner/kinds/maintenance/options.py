"""The keys of a maintenance job."""

from __future__ import annotations

from typing import Any, Final

from runner.api import JsonSchema
from runner.kinds.maintenance.step_options import BUDGET, DURATION, STEP
from runner.model.quantity import KINDS

_CONDITION = {"type": "string", "minLength": 1}

_LIMITS: Final[dict[str, Any]] = {
    "budget": {
        **BUDGET,
        "description": "Starts nothing more after so long, nor what took longer in earlier runs than is left of it.",
        "examples": ["2h"],
    },
    "at_end": {
        "enum": ["finish", "cancel"],
        "description": "What becomes of a running statement when the window or the budget ends; finish by default.",
        "examples": ["cancel"],
    },
    "cost_delay": {
        **DURATION,
        "errorMessage": "must be a duration such as 2ms",
        "description": "How long VACUUM and ANALYZE rest each time they have used up the cost limit.",
        "examples": ["2ms"],
    },
    "cost_limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": 10000,
        "description": "How much VACUUM and ANALYZE do between two rests, in PostgreSQL's units of cost.",
        "examples": [200],
    },
    "pause_when": {
        **_CONDITION,
        "description": "Nothing new starts while this holds; it may name the facts of docs/maintenance.md.",
        "examples": ["replication_lag > 30s or waiting_sessions > 5"],
    },
    "stop_when": {
        **_CONDITION,
        "description": "What runs is cancelled and nothing more starts as soon as this holds.",
        "examples": ["replication_lag_bytes > 5GB"],
    },
    "yield_to_waiters": {
        "type": "boolean",
        "description": (
            "Cancels a statement as soon as an application session waits for it, and tries it once more later;"
            " true by default."
        ),
        "examples": [False],
    },
}

OPTIONS: JsonSchema = {
    "measure": {
        "type": "object",
        "additionalProperties": False,
        "required": ["key", "sql"],
        "title": "Measure",
        "description": "Rows that are read before and after; the report shows both and the difference.",
        "examples": [{"key": ["table"], "columns": {"size": "bytes"}, "sql": "select …"}],
        "properties": {
            "key": {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 1,
                "description": "The columns that identify a row.",
                "examples": [["schema", "table"]],
            },
            "columns": {
                "type": "object",
                "additionalProperties": {"enum": sorted(KINDS)},
                "description": "What the other columns measure: bytes, count, seconds, …",
                "examples": [{"total_size": "bytes"}],
            },
            "sql": {
                "type": "string",
                "minLength": 1,
                "description": "A query; :name stands for a parameter.",
                "examples": [
                    'select relname as "table", pg_total_relation_size(relid) as total_size from pg_stat_user_tables'
                ],
            },
        },
    },
    "steps": {
        "type": "array",
        "minItems": 1,
        "items": STEP,
        "description": "What is done, in order; each step is one of vacuum, analyze, freeze, reindex, sql.",
        "examples": [[{"vacuum": {"analyze": True, "tables": "needed"}}]],
    },
    "verify": {
        "type": "object",
        "additionalProperties": False,
        "description": "Conditions on before.<column> and after.<column> of each measured row.",
        "examples": [{"warning": "after.dead_rows > 10% of before.dead_rows"}],
        "properties": {
            "warning": {
                "type": "string",
                "minLength": 1,
                "description": "When the result deserves a warning.",
                "examples": ["after.dead_rows > 10% of before.dead_rows"],
            },
            "critical": {
                "type": "string",
                "minLength": 1,
                "description": "When the result is a failure.",
                "examples": ["after.total_size > 2 * before.total_size"],
            },
        },
    },
    **_LIMITS,
}
