"""The keys that every job has, as JSON Schema with a description and an example each."""

from __future__ import annotations

from typing import Any, Final

Fragment = dict[str, Any]

_DURATION_PATTERN: Final = r"^\s*([0-9]+(\.[0-9]+)?\s*[a-z]+\s*)+$"
DURATION_WORDS: Final = "must be a duration such as 30s, 5min, 2h or 1d"
NAME_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$"
NAME_WORDS: Final = "must be a name of letters, digits, `-`, `_` and `.`"


# One fragment with several types, not `anyOf`: an editor shows its description once, and a complaint names all types.
# What holds for items stands in an inner fragment, or the editor would begin every value as a list.
ONE_OR_MORE: Final[Fragment] = {
    "type": ["string", "array"],
    "minLength": 1,
    "allOf": [{"items": {"type": "string", "minLength": 1}}],
}


def text(description: str, example: str) -> Fragment:
    """A text that is not empty."""
    return {"type": "string", "minLength": 1, "description": description, "examples": [example]}


def duration(description: str, example: str) -> Fragment:
    """A number with a unit."""
    return {
        "type": "string",
        "pattern": _DURATION_PATTERN,
        "errorMessage": DURATION_WORDS,
        "description": description,
        "examples": [example],
    }


def texts(description: str, example: list[str]) -> Fragment:
    """A list of texts."""
    item = {"type": "string", "minLength": 1}
    return {"type": "array", "items": item, "description": description, "examples": [example]}


def text_or_texts(description: str, example: Any) -> Fragment:
    """One text or a list of them."""
    return {**ONE_OR_MORE, "description": description, "examples": [example]}


def choice(description: str, *values: str) -> Fragment:
    """One of several words, the first of them as the example."""
    return {"enum": list(values), "description": description, "examples": [values[0]]}


def mapping(description: str, example: dict[str, Any], values: Fragment | None = None) -> Fragment:
    """A mapping with free keys."""
    return {
        "type": "object",
        "additionalProperties": values if values is not None else True,
        "description": description,
        "examples": [example],
    }


def closed(properties: dict[str, Fragment], *, required: tuple[str, ...] = (), **more: Any) -> Fragment:
    """A mapping that has these keys and free ones that start with x-, no others."""
    return {
        "type": "object",
        "properties": properties,
        "patternProperties": {"^x-": {}},
        "additionalProperties": False,
        **({"required": list(required)} if required else {}),
        **more,
    }


PLAIN_VALUE: Final[Fragment] = {"type": ["string", "number", "boolean"]}
LABELS: Final = mapping("Words to select by.", {"env": "prod"}, PLAIN_VALUE)

TARGETS: Final[Fragment] = {
    **ONE_OR_MORE,
    "type": ["string", "array", "object"],
    "additionalProperties": {"type": ["string", "number", "boolean", "array", "object"]},
    "errorMessage": "must be a target's name, a list of names, or a map of labels",
    "description": "Which targets: names or patterns, a map of labels, or both as {names: […], labels: {…}}.",
    "examples": [{"env": "prod"}],
}

_VERSION_OF: Final[Fragment] = {"type": ["string", "number", "null"]}

REQUIRES: Final = closed(
    {
        "version": {
            "type": ["string", "integer"],
            "pattern": r"^[0-9]+(\+|\s*-\s*[0-9]+)?$",
            "errorMessage": "must be a major version such as 14+, 13-16 or 15",
            "description": "Major versions of PostgreSQL.",
            "examples": ["14+"],
        },
        "role": choice("What the server must be.", "primary", "standby"),
        "extension": {
            **ONE_OR_MORE,
            "type": ["string", "array", "object"],
            "additionalProperties": _VERSION_OF,
            "description": "Extensions that must be installed, if need be with their version.",
            "examples": [{"pg_stat_statements": "1.10+"}],
        },
        "setting": {
            "type": ["string", "object"],
            "minLength": 1,
            "additionalProperties": PLAIN_VALUE,
            "description": "Server settings and the value that they must have; a bare name must be on.",
            "examples": [{"track_io_timing": "on"}],
        },
        "grant": text_or_texts("Roles that the user must be a member of.", "pg_monitor"),
    },
    description="Facts that must hold; otherwise the job is skipped with the reason.",
    examples=[{"version": "14+", "role": "primary"}],
)

RETRY: Final = closed(
    {
        "times": {"type": "integer", "minimum": 0, "maximum": 100, "description": "How often.", "examples": [1]},
        "wait": duration("The pause before the first; each is twice as long, up to 5min.", "30s"),
    },
    required=("times",),
    title="Retry",
    description="What to do after a run that failed, and, for jobs that only read, while the server cannot be reached.",
    examples=[{"times": 1, "wait": "30s"}],
)

_CATCH_UP_WORDS: Final = f"{DURATION_WORDS}, or no"
CATCH_UP: Final[Fragment] = {
    "type": ["string", "boolean"],
    "pattern": f"^no$|{_DURATION_PATTERN}",
    "allOf": [{"if": {"type": "boolean"}, "then": {"const": False, "errorMessage": _CATCH_UP_WORDS}}],
    "errorMessage": _CATCH_UP_WORDS,
    "description": "How late a missed slot is still run; no drops it.",
    "examples": ["1 day"],
}

# When, where and by whom a job runs. Unlike what a job looks at, these keys of a file also hold for what it takes from
# the catalogue, and most may stand in runner.yaml's `defaults:`.
OPERATIONAL_KEYS: Final[dict[str, Fragment]] = {
    "schedule": text("When the job is due: words, or a quoted cron line. Without it the job runs by hand only.",
                     "daily at 01:30"),
    "timezone": text("The time zone of the schedule and of the window.", "Europe/Paris"),
    "catch_up": CATCH_UP,
    "spread": duration("Starts up to so long after its slot, always the same time on one machine, so that many jobs or "
                       "machines do not start at once.", "5min"),
    "after": text_or_texts("Runs only when these jobs were ok in this slot; otherwise the slot is skipped.",
                           "backup-finished"),
    "window": text("A window of runner.yaml outside of which the job does not start.", "low-traffic"),
    "overlap": choice("What happens while an earlier run is still going.", "skip", "wait"),
    "timeout": duration("When a run is ended.", "30min"),
    "statement_timeout": duration("The server ends a statement that takes longer.", "30s"),
    "lock_timeout": duration("The server gives up waiting for a lock.", "2s"),
    "retry": RETRY,
    "targets": TARGETS,
    "remind_every": duration("How often a problem that lasts is reported again.", "6h"),
    "owner": text("Who looks after it.", "dba@example.org"),
    "runbook": text("Where to read what to do.", "https://wiki.example.org/pg/dead-rows"),
    "tags": texts("Words to select jobs by.", ["vacuum"]),
    "params": mapping("Values for `params.x` in expressions and `:x` in SQL; targets and `--param` override them.",
                      {"max_dead_rows": 100000}),
}  # fmt: skip

COMMON_KEYS: Final[dict[str, Fragment]] = {
    "title": text("One line for people.", "Dead rows are piling up"),
    "description": text("What the job is for, in a few sentences.", "Autovacuum does not keep up on this table."),
    "hint": text("What to do about a finding; a template like `message`.", "runner run vacuum-table"),
    **OPERATIONAL_KEYS,
    "for_each": choice("Run once for a server, or in each of its databases.", "instance", "database"),
    "requires": REQUIRES,
    "applies_if": text("SQL that returns true where the job applies; elsewhere it is skipped.",
                       "select exists (select from pg_stat_replication)"),
    "precondition": text("SQL that returns true when the role can see what the job needs; otherwise unknown.",
                         "select pg_has_role('pg_monitor', 'member')"),
    "for": {
        "type": "string",
        "pattern": rf"^\s*[0-9]+\s+runs?\s*$|{_DURATION_PATTERN}",
        "errorMessage": "must be a number of runs or a duration, such as 2 runs or 30min",
        "description": "How long a threshold must be crossed before it counts.",
        "examples": ["2 runs"],
    },
    "on_gone": choice("What it means when a key that was there is gone.", "ok", "warning", "critical"),
}  # fmt: skip

NAME: Final[Fragment] = {
    "type": "string",
    "pattern": NAME_PATTERN,
    "errorMessage": NAME_WORDS,
}

DEFAULT_KEYS: Final = tuple(key for key in OPERATIONAL_KEYS if key not in {"schedule", "params", "window", "after"})
