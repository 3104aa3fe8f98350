"""Which check of the catalogue stands for which action of check_postgres and service of check_pgactivity.

One row reads: the action becomes this check; a threshold written as a percentage, size, time or number becomes this
condition, with the value in place of `{}`; without a threshold on the line these defaults hold, as they did there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import Enum
from typing import Final

from runner.records import dataclass


class Form(Enum):
    """How a threshold is written there."""

    PERCENT = "a percentage"
    REST = "a percentage below which it is bad"
    LEFT = "a negative number: so many are left"
    COUNT = "a signed number: so many rows"
    SIZE = "a size"
    TIME = "a time"
    BYTES = "a number of bytes"
    NUMBER = "a number"
    WORD = "a word"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A check that stands for an action. `filters` names the columns that its include and exclude lists look at.

    A word (`Form.WORD`) becomes the parameter `word`. `each` says that it looks into one database at a time, so that --dbname matters. `note` is what differs.
    """

    use: str
    forms: Mapping[Form, str] = field(default_factory=dict)
    defaults: tuple[str, str] = ("", "")
    filters: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, object] = field(default_factory=dict)
    word: str = ""
    each: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """An action for which there is no check, and why."""

    why: str


Row = Check | Refused | tuple[Check, ...]

_TABLE = {"name": "table", "schema": "schema"}
_INDEX = {"name": "index", "schema": "schema"}
_DATABASE = {"name": "database"}
_SESSION = {"name": "database", "user": "user"}
_BLOAT = {Form.SIZE: "waste >= {}", Form.PERCENT: "share >= {}"}
_SLOTS = {Form.NUMBER: "used >= {}", Form.PERCENT: "used >= {} of usable", Form.LEFT: "usable - used <= {}"}
_USABLE = "compares with the slots that ordinary roles can use, not with max_connections"
_SINCE = "looks at what happened since the run before, not since the counters began"
_BIG = "looks at tables and indexes from 100 MB on (`params: {min_size: …}`)"
_WAL = "has limits that follow max_wal_size; these say more than a fixed number of files"

_CONNECTIONS = Check(use="pg.connections", forms=_SLOTS, defaults=("90%", "95%"), note=_USABLE)
_PREPARED = {Form.TIME: "prepared_for >= {}"}
_OBSOLETE = Refused("the servers that it was for are long out of support")
_OTHER_PROGRAM = Refused("it is about another program's version, not about PostgreSQL")
_NO_STATISTICS_AGE = Refused(
    "there is no check of the age of statistics: pg.stale-statistics looks at the rows that changed since, which says more"
)
_LARGEST = "looks at the 50 largest tables, with TOAST, and partitions together with their table"


def _size(what: str) -> Check:
    """A limit for one of the sizes that pg.table-size has."""
    forms = {Form.SIZE: f"{what} >= {{}}"}
    return Check(use="pg.table-size", forms=forms, filters=_TABLE, each=True, note=_LARGEST)


_POOLER = Refused(
    "PgBouncer's console is another server than the one this line names; see the catalogue's area `poolers`"
)

CHECK_POSTGRES: Final[Mapping[str, Row]] = {
    "archive_ready": Check(use="pg.archive-ready", forms={Form.NUMBER: "files >= {}"}, defaults=("10", "15")),
    "autovac_freeze": Check(
        use="pg.freeze-max-age", forms={Form.PERCENT: "xid_age >= {} of xid_limit"}, defaults=("90%", "95%"),
        filters=_DATABASE, note="below 100 % every healthy server reaches it; 110 % says that autovacuum is late",
    ),
    "backends": _CONNECTIONS,
    "bloat": (
        Check(use="pg.table-bloat", forms=_BLOAT, defaults=("1 GB", "5 GB"), filters=_TABLE, each=True, note=_BIG),
        Check(use="pg.index-bloat", forms=_BLOAT, defaults=("1 GB", "5 GB"), filters=_INDEX, each=True, note=_BIG),
    ),
    "checkpoint": Check(use="pg.checkpoint-age", forms={Form.TIME: "checkpoint_age >= {}"}),
    "cluster_id": Check(
        use="pg.system-identifier", forms={Form.WORD: "system_identifier != expected"}, word="expected_identifier"
    ),
    "commitratio": Check(
        use="pg.rollback-ratio", forms={Form.REST: "share > {}"}, filters=_DATABASE, note=_SINCE
    ),
    "connection": Check(use="pg.reachable"),
    "database_size": Check(use="pg.database-size", forms={Form.SIZE: "size >= {}"}, filters=_DATABASE),
    "dbstats": Refused("it sets no thresholds; `trend:` and the JSON reports carry the numbers"),
    "disabled_triggers": Check(
        use="pg.disabled-triggers", forms={Form.NUMBER: "rows >= {}"}, defaults=("1", "1"), each=True
    ),
    "disk_space": Check(
        use="host.disk-space", forms={Form.PERCENT: "used >= {}", Form.SIZE: "size - free >= {}"},
        defaults=("90%", "95%"), filters={"name": "path"}, note="looks at the disks of the host that runs `runner`",
    ),
    "fsm_pages": _OBSOLETE,
    "fsm_relations": _OBSOLETE,
    "hitratio": Check(
        use="pg.cache-hit-ratio", forms={Form.PERCENT: "hit_ratio < {}"}, filters=_DATABASE, note=_SINCE
    ),
    "hot_standby_delay": Check(
        use="pg.standby-lag", forms={Form.BYTES: "behind >= {}", Form.TIME: "wanted and lag >= {}"},
        note="asks the standby alone; pg.replication-lag asks the primary",
    ),
    "index_size": Refused("there is no check of the size of one index; pg.oversized-indexes compares it with its table"),
    "indexes_size": _size("indexes"),
    "last_analyze": _NO_STATISTICS_AGE,
    "last_autoanalyze": _NO_STATISTICS_AGE,
    "last_autovacuum": Check(
        use="pg.last-vacuum", forms={Form.TIME: "unvacuumed >= {}"}, defaults=("1d", "2d"), filters=_TABLE, each=True,
        note="counts vacuum by hand as well, and looks only at tables with rows to vacuum",
    ),
    "last_vacuum": Check(
        use="pg.last-vacuum", forms={Form.TIME: "unvacuumed >= {}"}, defaults=("1d", "2d"), filters=_TABLE, each=True,
        note="looks only at tables with rows to vacuum",
    ),
    "listener": _OBSOLETE,
    "locks": Check(
        use="pg.lock-table", forms={Form.NUMBER: "used >= {}"}, defaults=("100", "150"),
        note="counts the locks that take room in the shared table",
    ),
    "logfile": Refused("it raises an error on purpose and looks for it in a file of the server's host"),
    "new_version_bc": _OTHER_PROGRAM,
    "new_version_box": _OTHER_PROGRAM,
    "new_version_cp": _OTHER_PROGRAM,
    "new_version_pg": Check(use="pg.minor-release", note="compares with a list in the catalogue and asks no web site"),
    "new_version_tnm": _OTHER_PROGRAM,
    "pgagent_jobs": Check(use="pg.agent-failures", each=True, note="counts failures in a row, not those of a time"),
    **{
        f"pgb_pool_{name}": _POOLER
        for name in (
            "cl_active", "cl_waiting", "maxwait", "sv_active", "sv_idle", "sv_login", "sv_tested", "sv_used",
        )
    },
    "pgbouncer_backends": _POOLER,
    "pgbouncer_checksum": _POOLER,
    "prepared_txns": Check(
        use="pg.prepared-transactions", forms=_PREPARED, defaults=("1", "30"), filters=_DATABASE
    ),
    "query_time": Check(
        use="pg.long-queries", forms={Form.TIME: "running_for >= {}"}, defaults=("2 min", "5 min"), filters=_SESSION
    ),
    "relation_size": _size("largest"),
    "replicate_row": Refused("it changes a row of a table of yours; a check only reads"),
    "replication_slots": Check(
        use="pg.replication-slots", forms={Form.SIZE: "coalesce(retained, 0B) >= {}"}, filters={"name": "slot"}
    ),
    "same_schema": Check(
        use="pg.schema-changes", each=True, note="compares with the run before, not with another database"
    ),
    "sequence": Check(
        use="pg.sequence-exhaustion", forms={Form.PERCENT: "used >= {}"}, defaults=("85%", "95%"),
        filters={"name": "sequence", "schema": "schema"}, each=True,
    ),
    "settings_checksum": Check(
        use="pg.settings-changed", filters={"name": "setting"}, note="needs no checksum: it names the setting that changed"
    ),
    "slony_status": Refused("there is no check of Slony"),
    "table_size": _size("size - indexes"),
    "timesync": Check(use="pg.clock-skew", forms={Form.TIME: "skew >= {}"}, defaults=("2", "5")),
    "total_relation_size": _size("size"),
    "txn_idle": Check(
        use="pg.idle-in-transaction", forms={Form.COUNT: "rows >= {}", Form.TIME: "idle_for >= {}"}, filters=_SESSION
    ),
    "txn_time": Check(use="pg.long-transactions", forms={Form.TIME: "open_for >= {}"}, filters=_SESSION),
    "txn_wraparound": Check(
        use="pg.transaction-id-age", forms={Form.NUMBER: "xid_age >= {}"}, defaults=("1_300_000_000", "1_400_000_000"),
        filters=_DATABASE,
    ),
    "version": Check(use="pg.expected-version", forms={Form.WORD: "not expected"}, word="expected_version"),
    "wal_files": Check(use="pg.wal-size", forms={Form.NUMBER: "files >= {}"}, defaults=("10", "15"), note=_WAL),
}  # fmt: skip
"""By action; `custom_query` and `query_runtime` bring SQL of their own and are made in `own.py`."""

CHECK_PGACTIVITY: Final[Mapping[str, Row]] = {
    "archive_folder": Refused("it reads the archive's folder; pg.archiver asks the server instead"),
    "archiver": Check(use="pg.archive-ready", forms={Form.NUMBER: "files >= {}"}),
    "autovacuum": Check(use="pg.autovacuum-workers"),
    "backends": _CONNECTIONS,
    "backends_status": Refused("it counts sessions by state; pg.idle-in-transaction and pg.connections look at them"),
    "backup_label_age": Check(use="pg.base-backup", forms={Form.TIME: "running >= {}"}),
    "bgwriter": Refused("its thresholds mean nothing on new servers; see pg.requested-checkpoints and pg.backend-fsyncs"),
    "btree_bloat": Check(use="pg.index-bloat", forms=_BLOAT, filters=_INDEX, each=True, note=_BIG),
    "checksum_errors": Check(use="pg.checksum-failures", forms={Form.NUMBER: "failures >= {}"}),
    "commit_ratio": Check(use="pg.rollback-ratio", forms={Form.PERCENT: "share >= {}"}, filters=_DATABASE),
    "configuration": Check(use="pg.dangerous-settings"),
    "connection": Check(use="pg.reachable"),
    "database_size": Check(
        use="pg.database-size", forms={Form.SIZE: "delta(size) >= {}", Form.PERCENT: "growth(size, 1d) >= {}"},
        filters=_DATABASE, note="judges the growth since the run before, as there; a percentage is that of a day",
    ),
    "extensions_versions": Check(use="pg.extension-updates", each=True),
    "hit_ratio": Check(use="pg.cache-hit-ratio", forms={Form.PERCENT: "hit_ratio < {}"}, filters=_DATABASE),
    "hot_standby_delta": Check(use="pg.standby-lag", forms={Form.SIZE: "behind >= {}"}),
    "invalid_indexes": Check(use="pg.invalid-indexes", filters=_INDEX, each=True),
    "is_hot_standby": Check(use="pg.expected-role", params={"expected_role": "standby"}),
    "is_master": Check(use="pg.expected-role", params={"expected_role": "primary"}),
    "is_replay_paused": Check(use="pg.standby-lag"),
    "last_analyze": _NO_STATISTICS_AGE,
    "last_vacuum": Check(use="pg.last-vacuum", forms={Form.TIME: "unvacuumed >= {}"}, filters=_TABLE, each=True),
    "locks": Check(use="pg.lock-table", forms={Form.PERCENT: "used >= {} of slots"}, defaults=("80%", "90%")),
    "longest_query": Check(use="pg.long-queries", forms={Form.TIME: "running_for >= {}"}, filters=_SESSION),
    "max_freeze_age": Check(
        use="pg.freeze-max-age", forms={Form.PERCENT: "xid_age >= {} of xid_limit", Form.NUMBER: "xid_age >= {}"},
        filters=_DATABASE,
    ),
    "minor_version": Check(use="pg.minor-release", note="compares with a list in the catalogue and asks no web site"),
    "oldest_2pc": Check(use="pg.prepared-transactions", forms=_PREPARED, filters=_DATABASE),
    "oldest_idlexact": Check(use="pg.idle-in-transaction", forms={Form.TIME: "idle_for >= {}"}, filters=_SESSION),
    "oldest_xmin": Check(use="pg.xmin-horizon", forms={Form.NUMBER: "xids >= {}"}),
    "pg_dump_backup": Refused("it reads the files of dumps on the host"),
    "pga_version": _OTHER_PROGRAM,
    "pgdata_permission": Refused("it reads the data directory on the server's host"),
    "replication_slots": Check(
        use="pg.replication-slots", forms={Form.SIZE: "coalesce(retained, 0B) >= {}"}, filters={"name": "slot"}
    ),
    "sequences_exhausted": Check(use="pg.sequence-exhaustion", forms={Form.PERCENT: "used >= {}"}, each=True),
    "session_stats": Refused("it sets no thresholds; pg.session-churn and pg.lost-sessions do"),
    "settings": Check(use="pg.settings-changed"),
    "stat_snapshot_age": Check(use="pg.statistics-collector", forms={Form.TIME: "age >= {}"}),
    "streaming_delta": Check(use="pg.replication-lag", forms={Form.SIZE: "lag_bytes >= {}"}),
    "table_bloat": Check(use="pg.table-bloat", forms=_BLOAT, filters=_TABLE, each=True, note=_BIG),
    "table_unlogged": Check(use="pg.unlogged-tables", filters=_TABLE, each=True),
    "temp_files": Refused("its thresholds have several parts; pg.temporary-files has one of its own"),
    "uptime": Check(use="pg.restarted", forms={Form.TIME: "uptime < {}"}),
    "wal_files": Check(use="pg.wal-size", forms={Form.NUMBER: "files >= {}"}, note=_WAL),
}  # fmt: skip
"""By service."""
