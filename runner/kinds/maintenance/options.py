"""The keys of a maintenance job."""

from __future__ import annotations

from typing import Final

from runner.api import JsonSchema
from runner.model.quantity import KINDS

INDEX_CLEANUP: Final = ("auto", "on", "off")

# What holds for lists and mappings stands in inner fragments, or an editor would begin every value as one.
_TABLES = {
    "type": ["string", "array", "object"],
    "allOf": [
        {"items": {"type": "string", "minLength": 1}},
        {
            "properties": {
                "sql": {
                    "type": "string",
                    "minLength": 1,
                    "description": "A query whose rows are a schema and a table.",
                    "examples": ["select schemaname, relname from pg_stat_user_tables where n_dead_tup > 1000"],
                }
            },
            "required": ["sql"],
            "additionalProperties": False,
        },
    ],
    "description": (
        "needed (the default), all, a list of names or patterns such as [public.orders, audit.*],"
        " or {sql: …} whose rows are a schema and a table."
    ),
    "examples": ["needed", "all"],
}
_SKIP_LOCKED = {
    "type": "boolean",
    "description": "Leave tables that are locked instead of waiting for lock_timeout; they still count as not done.",
    "examples": [True],
}
_STEP = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "name": {
            "type": "string",
            "minLength": 1,
            "description": "What the report calls the step.",
            "examples": ["remove old sessions"],
        },
        "vacuum": {
            "type": "object",
            "additionalProperties": False,
            "description": "VACUUM of each table, one at a time, the biggest first.",
            "examples": [{"tables": "needed", "analyze": True}],
            "properties": {
                "tables": _TABLES,
                "analyze": {
                    "type": "boolean",
                    "description": "Gather statistics in the same pass.",
                    "examples": [True],
                },
                "freeze": {
                    "type": "boolean",
                    "description": "Freeze all rows that can be frozen.",
                    "examples": [True],
                },
                "index_cleanup": {
                    "enum": list(INDEX_CLEANUP),
                    "description": "auto leaves indexes alone when there is next to nothing to remove.",
                    "examples": ["auto"],
                },
                "parallel": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "Workers for the indexes of one table.",
                    "examples": [2],
                },
                "skip_locked": _SKIP_LOCKED,
                # Let through to the reader, whose complaint says why.
                "full": {
                    "type": "boolean",
                    "description": "Refused: VACUUM FULL locks out everybody.",
                    "examples": [False],
                },
            },
        },
        "analyze": {
            "type": "object",
            "additionalProperties": False,
            "description": "ANALYZE of each table, one at a time, the biggest first.",
            "examples": [{"tables": "all"}],
            "properties": {"tables": _TABLES, "skip_locked": _SKIP_LOCKED},
        },
        "sql": {
            "type": "string",
            "minLength": 1,
            "description": "A statement, in a transaction of its own.",
            "examples": ["delete from sessions where expires_at < now() - interval '7 days'"],
        },
        "autocommit": {
            "type": "boolean",
            "description": "Without a transaction, for statements that refuse one: REINDEX CONCURRENTLY and others.",
            "examples": [True],
        },
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
        "items": _STEP,
        "description": "What is done, in order; each step is one of vacuum, analyze, sql.",
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
}
