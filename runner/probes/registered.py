"""The probes that come with runner."""

from __future__ import annotations

from runner.api import ProbeType
from runner.probes.fleet_registered import FLEET_PROBES, PATTERNS

_LABEL = {
    "label": {
        "type": "string",
        "minLength": 1,
        "description": "The label whose value names the cluster; `cluster` by default.",
        "examples": ["cluster"],
    }
}

PROBES: tuple[ProbeType, ...] = (
    *FLEET_PROBES,
    ProbeType(
        name="connect",
        summary="Whether the server answers, how long the connection took, its version and uptime",
        fetch="runner.probes.connect:fetch",
        columns={
            "reachable": "bool",
            "error": "text",
            "seconds_to_connect": "seconds",
            "version": "text",
            "uptime": "interval",
            "role": "text",
        },
        survives_unreachable=True,
    ),
    ProbeType(
        name="latency",
        summary="How long a query takes from here and back",
        fetch="runner.probes.latency:fetch",
        options={
            "sql": {
                "type": "string",
                "minLength": 1,
                "description": "The query; `select 1` by default.",
                "examples": ["select count(*) from orders"],
            },
            "repeat": {
                "type": "integer",
                "minimum": 1,
                "maximum": 100,
                "description": "How often it is asked, one after the other; 5 by default.",
                "examples": [5],
            },
        },
        columns={"median": "seconds", "max": "seconds", "min": "seconds"},
    ),
    ProbeType(
        name="amcheck",
        summary="Whether tables and indexes are sound, as the extension amcheck sees it",
        fetch="runner.probes.amcheck:fetch",
        options={
            "seconds": {
                "type": "integer",
                "minimum": 1,
                "description": "How long reading one relation may take; 60 by default.",
                "examples": [60],
            }
        },
        columns={
            "database": "text",
            "schema": "text",
            "name": "text",
            "kind": "text",
            "sound": "bool",
            "told": "text",
            "left_out": "count",
        },
        key=("database", "schema", "name"),
    ),
    ProbeType(
        name="clock",
        summary="How far the server's clock is from this host's",
        fetch="runner.probes.clock:fetch",
        columns={"skew": "seconds", "direction": "text", "server_time": "timestamp"},
    ),
    ProbeType(
        name="cluster",
        summary="Whether the targets of one label are one cluster: their roles and system identifiers",
        fetch="runner.probes.cluster:fetch",
        options=_LABEL,
        columns={
            "cluster": "text",
            "members": "count",
            "primaries": "count",
            "standbys": "count",
            "silent": "count",
            "one_primary": "bool",
            "one_system": "bool",
            "told": "text",
            "systems": "text",
        },
        key=("cluster",),
        needs_server=False,
    ),
    ProbeType(
        name="disk",
        summary="How full the file systems of this host are",
        fetch="runner.probes.disk:fetch",
        options={
            "paths": {
                **PATTERNS,
                "description": "A path on each file system to look at; by default every disk that is mounted.",
                "examples": [["/", "/var/lib/postgresql"]],
            }
        },
        columns={
            "path": "text",
            "size": "bytes",
            "free": "bytes",
            "used": "ratio",
            "inodes_used": "ratio",
            "error": "text",
        },
        key=("path",),
        needs_server=False,
    ),
    ProbeType(
        name="files",
        summary="Whether files that somebody else writes, such as backups, are there, fresh and of their usual size",
        fetch="runner.probes.files:fetch",
        options={
            "paths": {
                **PATTERNS,
                "description": "What to look for, with * and ?; each is a row, and a folder counts as one file.",
                "examples": [["/var/backups/postgresql/*.dump"]],
            }
        },
        columns={
            "pattern": "text",
            "files": "count",
            "total": "bytes",
            "newest": "text",
            "newest_age": "seconds",
            "newest_size": "bytes",
            "previous_size": "bytes",
            "error": "text",
        },
        key=("pattern",),
        needs_server=False,
    ),
    ProbeType(
        name="wal_archive",
        summary="Whether the WAL files of an archive are complete: no gap, no odd size, and fresh",
        fetch="runner.probes.wal_archive:fetch",
        options={
            "path": {
                "type": "string",
                "minLength": 1,
                "description": "The folder of the archive; those below it count as well.",
                "examples": ["/var/lib/pgbackrest/archive/main"],
            },
            "segment_megabytes": {
                "enum": [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
                "description": "The size of a WAL file (initdb --wal-segsize); 16 by default.",
                "examples": [64],
            },
        },
        columns={
            "path": "text",
            "timeline": "text",
            "segments": "count",
            "missing": "count",
            "first_missing": "text",
            "odd_sizes": "count",
            "odd_size": "text",
            "last": "text",
            "newest_age": "seconds",
            "error": "text",
        },
        key=("path", "timeline"),
        needs_server=False,
    ),
    ProbeType(
        name="log_messages",
        summary="What servers of this host wrote into their logs lately: crashes, damaged data, refused logins, errors",
        fetch="runner.probes.log_messages:fetch",
        options={
            "paths": {
                **PATTERNS,
                "description": "The log files, with * and ?; text, CSV or JSON.",
                "examples": [["/var/log/postgresql/*.log"]],
            },
            "within": {"type": "string", "description": "How far to look back: 1h by default.", "examples": ["1h"]},
            "megabytes": {
                "type": "integer",
                "minimum": 1,
                "maximum": 1024,
                "description": "How much of each file's end is read; 16 by default.",
                "examples": [16],
            },
        },
        columns={
            "kind": "text",
            "messages": "count",
            "last": "timestamp",
            "example": "text",
            "at_least": "bool",
        },
        key=("kind",),
        needs_server=False,
    ),
    ProbeType(
        name="host",
        summary="Load, memory, swap and pressure of this host (Linux)",
        fetch="runner.probes.host:fetch",
        columns={
            "cpus": "count",
            "load1": "number",
            "load5": "number",
            "load15": "number",
            "memory": "bytes",
            "available": "bytes",
            "swap": "bytes",
            "swap_used": "bytes",
            "swapped": "bytes",
            "oom_kills": "count",
            "cpu_pressure": "percent",
            "memory_pressure": "percent",
            "io_pressure": "percent",
            "booted": "timestamp",
        },
        needs_server=False,
    ),
    ProbeType(
        name="certificate",
        summary="The server's TLS certificate, and how long it is still valid",
        fetch="runner.probes.certificate:fetch",
        options={
            "host": {
                "type": "string",
                "minLength": 1,
                "description": "Where the server listens with TLS; by default the target's host, or localhost for a socket.",
                "examples": ["db1.example.org"],
            },
            "port": {
                "type": ["string", "integer"],
                "description": "The port; by default the target's.",
                "examples": [5432],
            },
        },
        columns={
            "server": "text",
            "tls": "bool",
            "subject": "text",
            "valid_until": "timestamp",
            "valid_for": "interval",
        },
    ),
    ProbeType(
        name="pgbouncer",
        summary="What the console of a PgBouncer tells of its pools, databases, clients and settings",
        fetch="runner.probes.pgbouncer:fetch",
        options={
            "show": {
                "enum": ["pools", "databases", "clients", "settings"],
                "description": "What to look at; pools by default.",
                "examples": ["pools"],
            },
            "host": {
                "type": "string",
                "minLength": 1,
                "description": "The host, or the folder of a socket; localhost by default.",
                "examples": ["/var/run/postgresql"],
            },
            "port": {"type": ["string", "integer"], "description": "The port; 6432 by default.", "examples": [6432]},
            "user": {
                "type": "string",
                "minLength": 1,
                "description": "A user of stats_users or admin_users; pgbouncer by default.",
                "examples": ["stats"],
            },
            "password": {
                "type": "string",
                "description": "Its password; better from the environment or a file.",
                "examples": ["${PGBOUNCER_PASSWORD}"],
            },
            "sslmode": {
                "type": "string",
                "description": "How the connection is encrypted, as libpq has it.",
                "examples": ["verify-full"],
            },
        },
        needs_server=False,
    ),
    ProbeType(
        name="standbys",
        summary="How far the standbys of a cluster are behind its primary, and whether they are on its timeline",
        fetch="runner.probes.standbys:fetch",
        options=_LABEL,
        columns={
            "cluster": "text",
            "standby": "text",
            "primary": "text",
            "timeline": "number",
            "primary_timeline": "number",
            "same_system": "bool",
            "same_timeline": "bool",
            "behind": "bytes",
            "told": "text",
        },
        key=("cluster", "standby"),
        needs_server=False,
    ),
    ProbeType(
        name="runs",
        summary="How runner's own jobs fare: failed and interrupted runs",
        fetch="runner.probes.runs:fetch",
        options={
            "since": {"type": "string", "description": "How far to look back: 7d by default.", "examples": ["7d"]},
            "groups": {
                **PATTERNS,
                "description": "Patterns of the groups to look at; all by default.",
                "examples": [["db-*"]],
            },
            "exclude": {**PATTERNS, "description": "Patterns of jobs to leave out.", "examples": [["app-restart"]]},
        },
        columns={
            "job": "text",
            "target": "text",
            "group": "text",
            "runs": "count",
            "failed": "count",
            "interrupted": "count",
            "missed": "count",
            "last_run": "timestamp",
            "last_state": "text",
        },
        key=("job", "target"),
        needs_server=False,
    ),
    ProbeType(
        name="self",
        summary="Whether the runner works: jobs nobody evaluated, a silent cron, deliveries that pile up, targets that go",
        fetch="runner.probes.self:fetch",
        options={
            "exclude": {**PATTERNS, "description": "Patterns of jobs to leave out.", "examples": [["app-restart"]]}
        },
        columns={
            "what": "text",
            "name": "text",
            "slots": "count",
            "silent": "interval",
            "waiting": "count",
            "oldest": "interval",
            "given_up": "count",
            "told": "text",
        },
        key=("what", "name"),
        needs_server=False,
    ),
)
