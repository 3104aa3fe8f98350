"""The keys of a maintenance job."""

from __future__ import annotations

from typing import Final

from runner.api import JsonSchema
from runner.model.quantity import KINDS

INDEX_CLEANUP: Final = ("auto", "on", "off")

_TABLES = {
    "type": ["string", "array", "object"],
    "items": {"type": "string", "minLength": 1},
    "properties": {"sql": {"type": "string", "minLength": 1}},
    "required": ["sql"],
    "additionalProperties": False,
    "description": (
        "needed (the default), all, a list of names or patterns such as [public.orders, audit.*],"
        " or {sql: …} whose rows are a schema and a table."
    ),
}
_SKIP_LOCKED = {
    "type": "boolean",
    "description": "Leave tables that are locked instead of waiting for lock_timeout; they still count as not done.",
}
_STEP = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1, "description": "What the report calls the step."},
        "vacuum": {
            "type": "object",
            "additionalProperties": False,
            "description": "VACUUM of each table, one at a time, the biggest first.",
            "properties": {
                "tables": _TABLES,
                "analyze": {"type": "boolean", "description": "Gather statistics in the same pass."},
                "freeze": {"type": "boolean", "description": "Freeze all rows that can be frozen."},
                "index_cleanup": {
                    "enum": list(INDEX_CLEANUP),
                    "description": "auto leaves indexes alone when there is next to nothing to remove.",
                },
                "parallel": {"type": "integer", "minimum": 0, "description": "Workers for the indexes of one table."},
                "skip_locked": _SKIP_LOCKED,
                # Let through to the reader, whose complaint says why.
                "full": {"type": "boolean", "description": "Refused: VACUUM FULL locks out everybody."},
            },
        },
        "analyze": {
            "type": "object",
            "additionalProperties": False,
            "description": "ANALYZE of each table, one at a time, the biggest first.",
            "properties": {"tables": _TABLES, "skip_locked": _SKIP_LOCKED},
        },
        "sql": {"type": "string", "minLength": 1, "description": "A statement, in a transaction of its own."},
        "autocommit": {
            "type": "boolean",
            "description": "Without a transaction, for statements that refuse one: REINDEX CONCURRENTLY and others.",
        },
    },
}

OPTIONS: JsonSchema = {
    "measure": {
        "type": "object",
        "additionalProperties": False,
        "required": ["key", "sql"],
        "description": "Rows that are read before and after; the report shows both and the difference.",
        "properties": {
            "key": {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 1,
                "description": "The columns that identify a row.",
            },
            "columns": {
                "type": "object",
                "additionalProperties": {"enum": sorted(KINDS)},
                "description": "What the other columns measure: bytes, count, seconds, …",
            },
            "sql": {"type": "string", "minLength": 1, "description": "A query; :name stands for a parameter."},
        },
    },
    "steps": {
        "type": "array",
        "minItems": 1,
        "items": _STEP,
        "description": "What is done, in order; each step is one of vacuum, analyze, sql.",
    },
    "verify": {
        "type": "object",
        "additionalProperties": False,
        "description": "Conditions on before.<column> and after.<column> of each measured row.",
        "properties": {
            "warning": {"type": "string", "minLength": 1, "description": "When the result deserves a warning."},
            "critical": {"type": "string", "minLength": 1, "description": "When the result is a failure."},
        },
    },
}
