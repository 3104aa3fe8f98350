"""What comes with runner, registered through the same hooks as everybody else's; nothing is imported here."""

from __future__ import annotations

from runner.api import API_VERSION, Format, JobKind, ProbeType, SinkType, hookimpl
from runner.kinds.registered import KINDS
from runner.probes.registered import PROBES

__runner_api__ = API_VERSION

FORMATS = (
    Format(
        name="text",
        summary="For people: problems first, then tables, then one line per job",
        media_type="text/plain; charset=utf-8",
        extension="txt",
        render="runner.formats.text:render",
        options={
            "rows": {
                "type": "integer",
                "minimum": 1,
                "description": "Rows shown of each table, 20 by default.",
                "examples": [20],
            }
        },
    ),
    Format(
        name="json",
        summary="The whole report as one indented JSON document",
        media_type="application/json",
        extension="json",
        render="runner.formats.json_text:render",
    ),
    Format(
        name="json_lines",
        summary="The whole report as one line of JSON",
        media_type="application/x-ndjson",
        extension="jsonl",
        render="runner.formats.json_text:render_line",
    ),
    Format(
        name="nagios",
        summary="The output of a monitoring plugin: state, text, performance data",
        media_type="text/plain; charset=utf-8",
        extension="txt",
        render="runner.formats.nagios:render",
    ),
)

SINKS = (
    SinkType(
        type="stdout",
        summary="The standard output of the process",
        open="runner.sinks.stdout:open_stdout",
        accepts_format=True,
    ),
    SinkType(
        type="log_file",
        summary="Appends each report to a file that logrotate may rotate",
        open="runner.sinks.log_file:open_log_file",
        options={
            "path": {
                "type": "string",
                "minLength": 1,
                "description": "The file; a relative path starts at the home.",
                "examples": ["/var/log/db-health.log"],
            },
            "mode": {
                "type": "string",
                "pattern": "^0?[0-7]{3}$",
                "description": 'Permissions of a file that is created, in octal; "0640" by default.',
                "examples": ["0640"],
            },
        },
        required=("path",),
        accepts_format=True,
    ),
)


@hookimpl
def runner_register_formats() -> tuple[Format, ...]:
    return FORMATS


@hookimpl
def runner_register_sinks() -> tuple[SinkType, ...]:
    return SINKS


@hookimpl
def runner_register_job_kinds() -> tuple[JobKind, ...]:
    return KINDS


@hookimpl
def runner_register_probes() -> tuple[ProbeType, ...]:
    return PROBES
