"""Every code of a diagnostic, with what it means in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runner.expr.problems import CODES as EXPRESSION_CODES

LINT_CODES: Final[Mapping[str, str]] = {
    "no-timeout": "Work that nothing ends when it hangs.",
    "no-threshold": "A check without a threshold that shows nothing either, so that it is always ok.",
    "unbounded-result": "A query that returns every row of a large catalogue.",
    "unused-column": "A column is declared, and nothing looks at it.",
    "threshold-never": "A condition that no row can meet.",
    "threshold-always": "A condition that every row meets.",
    "warning-stricter": "Whatever meets `warning:` is critical as well.",
    "clear-never": "`clear:` cannot be true while no threshold is crossed, so a problem never ends.",
    "clear-useless": "`clear:` is true as soon as no threshold is crossed, so it changes nothing.",
    "sql-writes": "A statement that changes something stands where only reading is possible.",
    "key-not-unique": "Rows of one result have the same key; a key names one row.",
    "expired-silence": "A silence whose end is over.",
    "bad-route": "A route without sinks.",
    "unused-sink": "A sink that no route leads to.",
}
"""Advice of `runner validate` about homes that load."""

CONNECT_CODES: Final[Mapping[str, str]] = {
    "target-unreachable": "A server cannot be reached, or refuses the session.",
    "sql-error": "The server cannot prepare a statement.",
    "missing-grant": "The role may not read what a job needs.",
    "column-type": "A column is declared as something that its type in the database cannot be.",
}
"""What only a server can tell: `runner validate --connect`."""

CODES: Final[Mapping[str, str]] = {
    # files
    "file-unreadable": "A file or folder of the home cannot be read; the message names the reason.",
    "file-too-large": "A YAML file may have 1 MB; nothing that people write comes near.",
    "file-encoding": "YAML files are UTF-8 without control characters.",
    "file-ignored": "A file in checks.d/ has a name that is not read; only .yaml files are.",
    "empty-file": "A file in checks.d/ has no jobs in it.",
    # YAML
    "yaml-syntax": "The text is not YAML, or not what its author meant; the hint says how to write it.",
    "yaml-tag": "Tags such as !!python or != are not used; text that starts with ! needs quotes.",
    "yaml-alias": "An alias names no anchor, or contains itself; text that starts with * needs quotes.",
    "yaml-merge": "The merge key << is not used; keys at the top of a file are shared by its jobs.",
    "yaml-documents": "A file is one document; `---` starts another.",
    "yaml-depth": "Lists and mappings may be nested 50 deep.",
    "yaml-size": "A document may have 50 000 values, aliases counted as often as they are used.",
    "yaml-key": "A key must be a plain text.",
    "yaml-block": "`>` and `|` start a block of text, and this one is empty; a comparison begins with a column.",
    "yaml-template": "A template that starts with {{ needs quotes, because { starts a mapping.",
    "yaml-comment": "` #` starts a comment, and what stands before it looks unfinished.",
    "duplicate-key": "A key is set twice; YAML would silently keep the last one.",
    "not-a-mapping": "A file is a mapping: `key: value` lines.",
    # keys and values
    "unknown-key": "A key that does not exist here; keys that start with x- are free.",
    "missing-key": "A key that is needed is not there.",
    "bad-value": "A value that this key cannot have.",
    "unknown-kind": "A job without the key that says what it is and how it is called.",
    # interpolation
    "unset-variable": "A ${NAME} has no value in the environment or in an env file.",
    "bad-reference": "A ${…} that cannot be read; a literal one is written $${.",
    "secret-unreadable": "A ${file:…} or another source of secrets cannot be read.",
    "env-file": "A line of an env file cannot be read.",
    # settings
    "bad-dsn": "A connection text that cannot be read; it is never printed.",
    "bad-schedule": "A schedule, time zone, window or duration that cannot be read.",
    "unknown-target": "No target of runner.yaml has this name.",
    "target-source": "A source of targets cannot be read, or some of what it says cannot be used.",
    "unknown-sink": "No sink of runner.yaml has this name.",
    "unknown-window": "No window of runner.yaml has this name.",
    "unknown-group": "No file in checks.d/ has this name.",
    "unknown-job": "No job has this name.",
    "bad-after": "A job that follows itself, or a job without a schedule.",
    "unknown-tag": "No job has this tag.",
    "no-target": "A selection that no target matches, so that the job never runs.",
    # jobs
    "duplicate-job": "Two jobs have the same name; names identify their history.",
    "duplicate-group": "Two files have the same name; a file's name is the name of its group.",
    "unknown-catalogue": "The catalogue has no check of this name.",
    "empty-pattern": "A pattern that no check of the catalogue matches.",
    "command-not-allowed": "The job or the sink starts programs, and runner.yaml does not allow that.",
    "plugin-failed": "A plugin broke while it read a job.",
    "no-rows": "A check says neither with `sql:` nor with `probe:` where its rows come from.",
    "two-sources": "A check has `sql:` and `probe:`; its rows can come from one of them.",
    "unknown-column": "A key names a column that the result does not have.",
    "unknown-parameter": "The SQL names a parameter that `params:` does not set.",
    "template": "A message or summary that cannot be written.",
    "schedule-advice": "The schedule is right, but may mean something else than it seems to.",
    **EXPRESSION_CODES,
    **LINT_CODES,
    **CONNECT_CODES,
}


def meaning(code: str) -> str:
    """What a code means in one sentence; empty for codes of plugins."""
    return CODES.get(code, "")
