"""The keys of runner.yaml, as JSON Schema."""

from __future__ import annotations

from typing import Final, get_args

from runner.api import SinkType
from runner.config.dsn import KEYWORDS
from runner.config.executor_keys import executor
from runner.config.job_keys import (
    DEFAULT_KEYS,
    LABELS,
    OPERATIONAL_KEYS,
    TARGETS,
    Fragment,
    choice,
    closed,
    duration,
    mapping,
    text,
    text_or_texts,
    texts,
)
from runner.config.source_keys import EXAMPLE as SOURCES_EXAMPLE, source
from runner.model.home import Send
from runner.plugins.registry import Registry

STATES: Final = get_args(Send)

_COMMON_KEYWORDS: Final[dict[str, tuple[str, str | int]]] = {
    "host": ("The host's name, or the folder of a socket; several with commas.", "db1.example.org"),
    "port": ("The port; 5432 unless set.", 5432),
    "dbname": ("The database to connect to.", "postgres"),
    "user": ("The role to connect as.", "runner"),
    "password": ("The password; better from the environment or a file.", "${file:/run/secrets/db1}"),
    "passfile": ("A file with passwords in libpq's form.", "/etc/runner/pgpass"),
    "service": ("A section of libpq's service file.", "reporting"),
    "sslmode": ("How the connection is encrypted and the server is verified.", "verify-full"),
    "sslrootcert": ("The certificates to verify the server with.", "/etc/ssl/certs/db-ca.pem"),
    "sslcert": ("The certificate of the client.", "/etc/runner/client.crt"),
    "sslkey": ("The key of the client's certificate.", "/etc/runner/client.key"),
    "connect_timeout": ("Seconds to wait for the connection.", 5),
    "target_session_attrs": ("Which of several hosts to use.", "read-write"),
}
_TIME: Final[Fragment] = {
    "type": "string",
    "pattern": r"^([01]?[0-9]|2[0-4]):[0-5][0-9]$",
    "errorMessage": 'must be a time of day in quotes, such as "02:00"',
    "description": "A time of day.",
    "examples": ["02:00"],
}
_DAY: Final[Fragment] = {"type": "string", "minLength": 2}


def top_level(registry: Registry) -> dict[str, Fragment]:
    """Every key of runner.yaml."""
    kinds = {kind.name for kind in registry.kinds.values() if kind.starts_programs}
    sources = {kind.type for kind in registry.target_sources.values() if kind.starts_programs}
    programs = sorted(kinds | sources | {sink.type for sink in registry.sinks.values() if sink.starts_programs})
    return {
        "version": {"const": 1, "description": "The version of this format.", "examples": [1]},
        "env_files": text_or_texts("Files with NAME=value lines; the real environment wins.", [".env"]),
        "state": text(
            "Where history is kept: sqlite:FILE (relative to the home), or postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
            " for hosts that share it.",
            "sqlite:.runner/state.db",
        ),
        "defaults": closed(
            {key: OPERATIONAL_KEYS[key] for key in DEFAULT_KEYS},
            description="Values for jobs that do not say otherwise.",
            examples=[{"timezone": "UTC", "statement_timeout": "30s"}],
        ),
        "allow": {
            "type": "array",
            "items": {"enum": programs or ["command"]},
            "description": "Kinds of jobs, and types of sinks and of sources of targets, that may start programs.",
            "examples": [["command"]],
        },
        "targets": mapping("The servers, by name.", {"main": {"host": "localhost"}}, target()),
        "targets_from": {
            "type": "array",
            "items": source(registry),
            "description": "More targets, from files, queries, programs and plugins.",
            "examples": [SOURCES_EXAMPLE],
        },
        "executor": executor(registry),
        "sinks": mapping("Where reports go, by name.", {"screen": {"type": "stdout"}}, sink(registry)),
        "routes": {"type": "array", "items": route(), "description": "Which sink gets what.", "examples": [[_ROUTE]]},
        "windows": mapping("Hours in which jobs may start.", {"low-traffic": _WINDOW}, window()),
        "silences": {
            "type": "array",
            "items": silence(),
            "description": "Findings that are not sent for a while.",
            "examples": [[_SILENCE]],
        },
        "crontab": closed(
            {"marker": text("The word that marks runner's lines.", "runner")},
            description="How `runner crontab` writes its lines.",
            examples=[{"marker": "runner"}],
        ),
        "plugins": closed(
            {"disabled": texts("Plugins that are not loaded.", ["acme"])},
            description="Switches for plugins.",
            examples=[{"disabled": ["acme"]}],
        ),
        "retention": closed(
            {
                "samples": duration("How long the values of every run are kept.", "30d"),
                "hourly": duration("How long the values of every hour are kept: lowest, highest, mean, last.", "90d"),
                "daily": duration("How long the values of every day are kept.", "400d"),
                "runs": duration("How long results are kept.", "400d"),
            },
            description="How long history is kept.",
            examples=[{"samples": "30d", "hourly": "90d", "daily": "400d", "runs": "400d"}],
        ),
        "connections": {
            "type": "integer",
            "minimum": 1,
            "maximum": 100,
            "description": "Servers and databases that are looked at side by side.",
            "examples": [4],
        },
    }


_ROUTE: Final = {"groups": ["daily"], "sinks": ["screen"]}
_WINDOW: Final = {"from": "02:00", "to": "05:00", "days": ["tue", "wed"]}
_SILENCE: Final = {"jobs": ["dead-rows"], "until": "2027-01-31", "reason": "bulk load"}


def target() -> Fragment:
    """One server: libpq's keywords, or a connection text, and what is ours."""
    keywords = {name: _keyword(name) for name in KEYWORDS}
    patterns = {"type": "array", "items": {"type": "string", "minLength": 1}}
    ours = {
        "dsn": text("A connection URL or a line of keywords.", "postgresql://runner@db1/postgres"),
        "labels": LABELS,
        "databases": closed(
            {
                "include": {**patterns, "description": "Patterns of names.", "examples": [["*"]]},
                "exclude": {**patterns, "description": "Patterns of names.", "examples": [["template*"]]},
            },
            description="What `for_each: database` visits.",
            examples=[{"include": ["*"], "exclude": ["template*"]}],
        ),
        "params": mapping("Values for this target in place of those of the jobs.", {"max_dead_rows": 250000}),
    }
    return closed({**keywords, **ours})


def _keyword(name: str) -> Fragment:
    description, example = _COMMON_KEYWORDS.get(name, (f"The connection parameter {name} of libpq.", "…"))
    return {"type": ["string", "integer"], "description": description, "examples": [example]}


def other_keywords() -> tuple[str, ...]:
    """The connection parameters that hardly anybody needs."""
    return tuple(name for name in KEYWORDS if name not in _COMMON_KEYWORDS)


def sink(registry: Registry) -> Fragment:
    """A sink: the keys of its type, of its format, and those that all have."""
    if not registry.sinks:
        return {"type": "object"}
    kinds = {"enum": sorted(registry.sinks), "description": "What carries the reports.", "examples": ["log_file"]}
    # The last branch says only that the type is wrong: the other keys cannot be judged without it.
    chain: Fragment = {"title": "Sink", "properties": {"type": kinds}, "required": ["type"]}
    for name in sorted(registry.sinks, reverse=True):
        test = {"type": "object", "properties": {"type": {"const": name}}, "required": ["type"]}
        chain = {"if": test, "then": _sink_of(registry.sinks[name], kinds, registry), "else": chain}
    return {"type": "object", **chain}


def _sink_of(kind: SinkType, kinds: Fragment, registry: Registry) -> Fragment:
    """The name of the type could be only this one here; all are listed, so that an editor offers them."""
    properties: dict[str, Fragment] = {
        "type": kinds,
        "send": _states("Reports in which states are sent; all unless set."),
        "timeout": duration("How long a delivery may take.", "10s"),
    }
    if kind.accepts_format:
        properties["format"] = {
            "enum": sorted(registry.formats),
            "description": f"How reports are written; {kind.default_format} unless set.",
            "examples": [kind.default_format],
        }
        for name in sorted(registry.formats):
            properties.update(dict(registry.formats[name].options))
    properties.update(dict(kind.options))
    return closed(properties, required=("type", *kind.required), title=f"Sink of the type {kind.type}")


def route() -> Fragment:
    """Which reports go to which sinks."""
    return closed(
        {
            "sinks": text_or_texts("Names of sinks.", ["pager"]),
            "groups": text_or_texts("Names of files in checks.d, or patterns.", ["daily"]),
            "jobs": text_or_texts("Names of jobs, or patterns.", ["dead-*"]),
            "tags": text_or_texts("Words that the jobs have.", ["vacuum"]),
            "states": _states("States that the reports are in."),
            "targets": TARGETS,
            "lasting": duration("Only problems that are so old and that nobody has acknowledged: escalation.", "30min"),
            "quiet": text("The name of a window in which nothing new is told; what lasts is told after it.", "nights"),
        },
        required=("sinks",),
        title="Route",
    )


def _states(description: str) -> Fragment:
    return {
        "type": "array",
        "items": {"enum": list(STATES)},
        "description": description,
        "examples": [["critical", "recovered"]],
    }


def window() -> Fragment:
    """Hours, if need be of some days."""
    return closed(
        {
            "from": _TIME,
            "to": _TIME,
            "days": {"type": "array", "items": _DAY, "description": "Days of the week.", "examples": [["tue", "wed"]]},
            "timezone": OPERATIONAL_KEYS["timezone"],
        }
    )


def silence() -> Fragment:
    """Jobs that stay quiet, until when or in which window, and why."""
    return closed(
        {
            "jobs": text_or_texts("Names of jobs, or patterns.", ["dead-rows"]),
            "targets": TARGETS,
            "until": text("The last day, or a time.", "2027-01-31"),
            "window": text("A window of runner.yaml.", "low-traffic"),
            "runs": choice("Whether the jobs run on while nobody is told of them, or are skipped.", "continue", "skip"),
            "reason": text("Why; it stands in the reports.", "bulk load"),
        },
        required=("jobs", "reason"),
        title="Silence",
    )
