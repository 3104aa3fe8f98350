"""The sinks that come with runner."""

from __future__ import annotations

from typing import Final

from runner.api import JsonSchema, SinkType
from runner.sinks.facilities import FACILITIES

_CA_FILE: Final[JsonSchema] = {
    "type": "string",
    "minLength": 1,
    "description": "A file of the authorities whose certificates are trusted, instead of the system's.",
    "examples": ["/etc/ssl/own-ca.pem"],
}
_MAILBOX: Final = "^([^<>\\r\\n]*<)?[!#-;=?-~]+@[A-Za-z0-9.:\\[\\]-]+>?$"

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
    SinkType(
        type="atomic_file",
        summary="Replaces a file by each report: a web page, or metrics for node_exporter",
        open="runner.sinks.atomic_file:open_atomic_file",
        options={
            "path": {
                "type": "string",
                "minLength": 1,
                "description": "The file; a relative path starts at the home, {group} stands for the report's group.",
                "examples": ["/var/lib/prometheus/node-exporter/runner-{group}.prom"],
            },
            "mode": {
                "type": "string",
                "pattern": "^0?[0-7]{3}$",
                "description": 'Permissions of the file, in octal; "0644" by default.',
                "examples": ["0644"],
            },
            "keep": {
                "type": "integer",
                "minimum": 0,
                "maximum": 1000,
                "description": "Reports before the newest that are kept, as FILE.1, FILE.2 and so on; none by default.",
                "examples": [7],
            },
        },
        required=("path",),
        accepts_format=True,
        default_format="html",
    ),
    SinkType(
        type="syslog",
        summary="Short messages to syslog: a local socket, UDP or TCP",
        open="runner.sinks.syslog:open_syslog",
        options={
            "address": {
                "type": "string",
                "minLength": 1,
                "description": "The local socket, /dev/log by default; or udp://HOST:PORT, or tcp://HOST:PORT.",
                "examples": ["/dev/log", "udp://loghost:514", "tcp://loghost:601"],
            },
            "facility": {
                "enum": list(FACILITIES),
                "description": "The facility of the messages; daemon by default.",
                "examples": ["local0"],
            },
            "app_name": {
                "type": "string",
                "pattern": "^[!-~]{1,48}$",
                "description": "The name of the program in the messages; runner by default.",
                "examples": ["runner"],
            },
            "rfc": {
                "enum": [5424, 3164],
                "description": "The form of the messages; 5424 by default, 3164 for receivers that know only the old one.",
                "examples": [3164],
            },
        },
        delivery="changes",
    ),
    SinkType(
        type="journald",
        summary="Messages with fields to the journal of systemd",
        open="runner.sinks.journald:open_journald",
        options={
            "socket": {
                "type": "string",
                "minLength": 1,
                "description": "The journal's socket; /run/systemd/journal/socket by default.",
                "examples": ["/run/systemd/journal/socket"],
            },
            "identifier": {
                "type": "string",
                "minLength": 1,
                "description": "What `journalctl -t` is asked for; runner by default.",
                "examples": ["runner"],
            },
        },
        delivery="changes",
    ),
    SinkType(
        type="webhook",
        summary="Sends each report to a URL, if need be signed",
        open="runner.sinks.webhook:open_webhook",
        options={
            "url": {
                "type": "string",
                "minLength": 1,
                "writeOnly": True,
                "description": "Where reports are sent: http:// or https://. It is treated as a secret.",
                "examples": ["${HOOK_URL}"],
            },
            "method": {
                "enum": ["POST", "PUT", "PATCH"],
                "description": "The method of the request; POST by default.",
                "examples": ["PUT"],
            },
            "headers": {
                "type": "object",
                "additionalProperties": {"type": ["string", "number"]},
                "description": "Headers beside Content-Type and Idempotency-Key; their values are treated as secrets.",
                "examples": [{"Authorization": "Bearer ${HOOK_TOKEN}"}],
            },
            "secret": {
                "type": "string",
                "minLength": 1,
                "writeOnly": True,
                "description": "Signs each report: HMAC with SHA-256 over the body.",
                "examples": ["${HOOK_SECRET}"],
            },
            "signature_header": {
                "type": "string",
                "pattern": "^[A-Za-z0-9-]+$",
                "description": "The header that holds the signature; X-Hub-Signature-256 by default.",
                "examples": ["X-Signature"],
            },
            "ca_file": _CA_FILE,
        },
        required=("url",),
        accepts_format=True,
        default_format="json",
    ),
    SinkType(
        type="smtp",
        summary="Mails each report, as text and HTML",
        open="runner.sinks.smtp:open_smtp",
        options={
            "host": {
                "type": "string",
                "minLength": 1,
                "description": "The mail server.",
                "examples": ["mail.example.org"],
            },
            "port": {
                "type": "integer",
                "minimum": 1,
                "maximum": 65535,
                "description": "Its port; by default 587, with `security: tls` 465, with `security: none` 25.",
                "examples": [587],
            },
            "security": {
                "enum": ["starttls", "tls", "none"],
                "description": "How the connection is kept secret; starttls by default, none for a relay on this host.",
                "examples": ["starttls"],
            },
            "user": {
                "type": "string",
                "description": "Who logs in; nobody by default.",
                "examples": ["runner@example.org"],
            },
            "password": {
                "type": "string",
                "writeOnly": True,
                "description": "The password of the login.",
                "examples": ["${MAIL_PASSWORD}"],
            },
            "from": {
                "type": "string",
                "pattern": _MAILBOX,
                "description": "The sender of the mails.",
                "examples": ["Database checks <runner@example.org>"],
            },
            "to": {
                "type": ["string", "array"],
                "pattern": _MAILBOX,
                "items": {"type": "string", "pattern": _MAILBOX},
                "minItems": 1,
                "description": "Who gets the mails.",
                "examples": [["dba@example.org"]],
            },
            "subject": {
                "type": "string",
                "minLength": 1,
                "description": (
                    "The subject as a template of state, title, group, targets, counts and slot; "
                    "by default `CRITICAL Title on main: 1 critical, 4 ok`."
                ),
                "examples": ["[db] {{ state | upper }} {{ title }}: {{ counts }}"],
            },
            "threads": {
                "type": "boolean",
                "description": "Whether the mails of one group form a thread; false by default.",
                "examples": [True],
            },
            "ca_file": _CA_FILE,
        },
        required=("host", "from", "to"),
        delivery="changes",
        accepts_format=True,
        default_format="html",
    ),
    SinkType(
        type="command",
        summary="Gives each report to a program, on its standard input",
        open="runner.sinks.command:open_command",
        options={
            "run": {
                "type": "array",
                "items": {"type": ["string", "number"]},
                "minItems": 1,
                "description": "The program and its words. No shell is involved.",
                "examples": [["/usr/local/bin/page", "--team", "database"]],
            },
            "env": {
                "type": "object",
                "additionalProperties": {"type": ["string", "number"]},
                "description": "Environment variables beside those that runner itself was started with.",
                "examples": [{"PAGE_TOKEN": "${PAGE_TOKEN}"}],
            },
        },
        required=("run",),
        accepts_format=True,
        starts_programs=True,
    ),
    SinkType(
        type="table",
        summary="A row for each result in a table of PostgreSQL",
        open="runner.sinks.table:open_table",
        options={
            "dsn": {
                "type": "string",
                "minLength": 1,
                "writeOnly": True,
                "description": "Where the table is: a connection URL or a line of keywords.",
                "examples": ["${REPORTS_DSN}"],
            },
            "table": {
                "type": "string",
                "pattern": "^[^.]+(\\.[^.]+)?$",
                "description": "The table, if need be with its schema; runner_reports by default.",
                "examples": ["monitoring.runner_reports"],
            },
            "create": {
                "type": "boolean",
                "description": "Whether the table is made when it is not there; true by default.",
                "examples": [False],
            },
        },
        required=("dsn",),
    ),
)
