"""The keys of the steps of a maintenance job."""

from __future__ import annotations

from typing import Any, Final

INDEX_CLEANUP: Final = ("auto", "on", "off")
FLAGS: Final = ("truncate", "process_toast", "process_main", "disable_page_skipping")
"""Options of VACUUM that are simply on or off."""

_Fragment = dict[str, Any]

DURATION: Final[_Fragment] = {"type": "string", "pattern": r"^\s*([0-9]+(\.[0-9]+)?\s*[a-z]+\s*)+$"}
BUDGET: Final[_Fragment] = {**DURATION, "errorMessage": "must be a duration such as 30s, 5min, 2h or 1d"}


_FINDINGS: Final = {
    "type": "array",
    "minItems": 1,
    "items": {"type": "string", "minLength": 1},
    "description": "Checks, or patterns of them, whose key begins with a schema and a name: what they complain about now.",
    "examples": [["pg.dead-rows"]],
}


def _choice(words: str, query: str, example: list[str]) -> _Fragment:
    """One word, a list of names and patterns, or a query."""
    # What holds for lists and mappings stands in inner fragments, or an editor would begin every value as one.
    sql = {
        "type": "string",
        "minLength": 1,
        "description": "A query whose rows are a schema and a name.",
        "examples": [query],
    }
    return {
        "type": ["string", "array", "object"],
        "allOf": [
            {"items": {"type": "string", "minLength": 1}},
            {"properties": {"sql": sql, "findings_of": _FINDINGS}, "additionalProperties": False},
        ],
        "description": words,
        "examples": example,
    }


def _flag(description: str, *, example: bool = True) -> _Fragment:
    return {"type": "boolean", "description": description, "examples": [example]}


def _whole(description: str, example: int, minimum: int = 1) -> _Fragment:
    return {"type": "integer", "minimum": minimum, "description": description, "examples": [example]}


_TABLES: Final = _choice(
    "needed (the default), all, a list of names or patterns such as [public.orders, audit.*],"
    " {sql: …} whose rows are a schema and a table, or {findings_of: …} of checks.",
    "select schemaname, relname from pg_stat_user_tables where n_dead_tup > 1000",
    ["needed", "all"],
)
_JOBS: Final = _whole("How many connections work at the same time; 1 by default.", 2)
_SKIP_LOCKED: Final = _flag("Leave tables that are locked instead of waiting for lock_timeout; they count as not done.")
_RING: Final = {
    "type": "string",
    "pattern": r"^\s*\d+\s*(kB|MB|GB)\s*$",
    "errorMessage": "must be a size from 128kB to 16GB, such as 2MB",
    "description": "How much of shared_buffers the statement may use (16 and newer).",
    "examples": ["2MB"],
}
_SHARED: Final[_Fragment] = {
    "tables": _TABLES,
    "jobs": _JOBS,
    "skip_locked": _SKIP_LOCKED,
    "buffer_usage_limit": _RING,
}
_CLEANING: Final[_Fragment] = {
    **_SHARED,
    "index_cleanup": {
        "enum": list(INDEX_CLEANUP),
        "description": "auto leaves indexes alone when there is next to nothing to remove.",
        "examples": ["auto"],
    },
    "parallel": _whole("Workers for the indexes of one table.", 2, 0),
    "truncate": _flag("Give empty pages at the end back, with a short exclusive lock; by default yes.", example=False),
    "process_toast": _flag("Vacuum the TOAST table as well (14 and newer); by default yes.", example=False),
    "process_main": _flag("Vacuum the table itself (16 and newer); no leaves TOAST alone.", example=False),
    "disable_page_skipping": _flag("Read every page, also those that are known to be clean."),
}


def _action(description: str, example: _Fragment, properties: _Fragment) -> _Fragment:
    return {
        "type": "object",
        "additionalProperties": False,
        "description": description,
        "examples": [example],
        "properties": properties,
    }


_AGE: Final = {
    "type": ["integer", "string"],
    "pattern": r"^\s*\d+(\.\d+)?\s*%\s*$",
    "errorMessage": "must be a number of transactions, or a share such as 50%",
}
_FREEZE: Final = {
    **_CLEANING,
    "xid_age": {
        **_AGE,
        "description": "Tables older than so many transactions, or that share of autovacuum_freeze_max_age; 50% by default.",
        "examples": ["40%", 100000000],
    },
    "mxid_age": {
        **_AGE,
        "description": "The same for multixacts and autovacuum_multixact_freeze_max_age; 50% by default.",
        "examples": ["40%"],
    },
}
_REINDEX: Final = {
    "indexes": _choice(
        "invalid (the default), bloated (invalid ones too), all, a list of names or patterns of indexes or their tables,"
        " {sql: …} whose rows are a schema and an index, or {findings_of: …} of checks.",
        "select schemaname, indexrelname from pg_stat_user_indexes where idx_scan > 1000000",
        ["bloated", "invalid"],
    ),
    "bloat": {
        "type": "string",
        "pattern": r"^\s*\d+(\.\d+)?\s*%\s*$",
        "errorMessage": "must be a share such as 50%",
        "description": "From which estimated share without entries on an index is bloated; 50% by default.",
        "examples": ["40%"],
    },
    "min_size": {
        "type": "string",
        "pattern": r"^\s*\d+(\.\d+)?\s*(B|kB|MB|GB|TB)\s*$",
        "errorMessage": "must be a size such as 100MB",
        "description": "Smaller indexes are never bloated; 10MB by default.",
        "examples": ["100MB"],
    },
    "most": _whole("At most so many indexes in one run; the rest is for the next.", 5),
    "leftovers": {
        "enum": ["drop", "report"],
        "description": "What becomes of the invalid copies that an interrupted rebuild left; drop by default.",
        "examples": ["report"],
    },
}

STEP: Final[_Fragment] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "name": {
            "type": "string",
            "minLength": 1,
            "description": "What the report calls the step.",
            "examples": ["remove old sessions"],
        },
        "budget": {
            **BUDGET,
            "description": "The step starts nothing more after so long.",
            "examples": ["30min"],
        },
        "vacuum": _action(
            "VACUUM of each table, what is gained most by first.",
            {"tables": "needed", "analyze": True},
            {
                **_CLEANING,
                "analyze": _flag("Gather statistics in the same pass."),
                "freeze": _flag("Freeze all rows that can be frozen."),
                "full": _flag("Rewrite each table under a lock that keeps everybody out; needs `exclusive: allowed`."),
                "exclusive": {
                    "const": "allowed",
                    "description": "Says that `full` may lock the tables against everybody.",
                    "examples": ["allowed"],
                },
            },
        ),
        "analyze": _action(
            "ANALYZE of each table, the one with most changes first.",
            {"tables": "all"},
            {
                **_SHARED,
                "target": _whole("In place of default_statistics_target: 1 is quick and rough.", 10),
            },
        ),
        "freeze": _action("VACUUM (FREEZE) of each table that is old, the oldest first.", {"xid_age": "40%"}, _FREEZE),
        "reindex": _action("REINDEX CONCURRENTLY of one index after the other.", {"indexes": "bloated"}, _REINDEX),
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
