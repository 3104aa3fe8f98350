"""The sinks that come with runner."""

from __future__ import annotations

from runner.api import SinkType

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
