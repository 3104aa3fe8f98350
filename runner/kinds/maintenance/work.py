"""What became of one table or index: judged by the server's answer, and proved by its counters."""

from __future__ import annotations

from enum import Enum

from runner.api import Answer, Notice, QueryError
from runner.kinds.maintenance.buffers import Buffers
from runner.kinds.maintenance.counts import Counts, Relation
from runner.kinds.maintenance.indexes import IndexFacts
from runner.kinds.maintenance.spec import AnalyzeStep, FreezeStep, ReindexStep, VacuumStep, WorkStep
from runner.model.quantity import show_number
from runner.records import dataclass

LOCK_NOT_AVAILABLE = "55P03"
QUERY_CANCELED = "57014"
DEADLOCK = "40P01"
NO_RIGHT = "42501"
NO_SUCH = ("42P01", "42704")
_LOST = ("08", "57P")
_FEW_DEAD_ROWS = 50
"""So few dead rows after VACUUM are the doing of the minute, not of an old snapshot."""
LOCKED = "another session holds a lock on it"


class Fate(Enum):
    """What became of one table or index."""

    DONE = "done"
    HELD = "held"
    LOCKED = "locked"
    YIELDED = "gave way"
    BUSY = "left to autovacuum"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"
    GONE = "gone"
    LEFT = "not started"

    @property
    def is_done(self) -> bool:
        return self in (Fate.DONE, Fate.HELD, Fate.BUSY)

    @property
    def is_failure(self) -> bool:
        return self in (Fate.LOCKED, Fate.REFUSED, Fate.FAILED, Fate.YIELDED, Fate.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """What was done to one table or index; `message` says why when it was not done well."""

    database: str
    table: Relation
    verb: str
    fate: Fate
    action: str = "vacuum"
    message: str = ""
    seconds: float = 0.0
    before: Counts = Counts()
    after: Counts | None = None
    buffers: Buffers | None = None

    @property
    def returned(self) -> int:
        """Bytes given back to the file system; negative when the table grew."""
        if self.after is None or self.after.size is None or self.before.size is None:
            return 0
        return self.before.size - self.after.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """What is known of the server and the role, to say what an answer means."""

    major: int
    user: str
    counts_kept: bool = True
    """False when track_counts is off, so that no counter can prove anything."""

    def failure(self, relation: Relation, answer: Answer) -> tuple[Fate, str] | None:
        """What an error or a warning means; None when the server reported plain success."""
        if isinstance(answer, QueryError):
            return self._error(relation, answer)
        warnings = [notice for notice in answer.notices if notice.severity == "WARNING"]
        return self._warned(relation, warnings) if warnings else None

    def proof(self, step: WorkStep, relation: Relation, before: Counts, after: Counts | None) -> tuple[Fate, str]:
        """Whether the counters show what the server reported."""
        if after is None:
            return Fate.GONE, "it is gone"
        if not rose(step, relation, before, after) and (self.counts_kept or isinstance(step, ReindexStep)):
            return Fate.FAILED, "the server reported success, but its own counters do not show it"
        if isinstance(step, FreezeStep) and _did_not_get_younger(before, after):
            age = show_number(max(after.xid_age or 0, after.mxid_age or 0))
            return Fate.HELD, f"its oldest transaction is still {age} transactions old"
        cleaned = isinstance(step, (VacuumStep, FreezeStep)) and not relation.is_parent
        if cleaned and after.dead > max(_FEW_DEAD_ROWS, before.dead // 10):
            return Fate.HELD, f"{show_number(after.dead)} dead rows could not be removed"
        return Fate.DONE, ""

    def _warned(self, relation: Relation, warnings: list[Notice]) -> tuple[Fate, str]:
        """A warning is how the server says that it skipped the table; its words are in its own language."""
        if any(notice.sqlstate == LOCK_NOT_AVAILABLE for notice in warnings):
            return Fate.LOCKED, LOCKED
        if not relation.may:
            return Fate.REFUSED, f"the server skipped it: {self.missing_right(relation)}"
        return Fate.FAILED, f"the server warned: {warnings[0].message}"

    def missing_right(self, relation: Relation) -> str:
        """Who owns it, and what would have to be granted."""
        table = relation.title
        if isinstance(relation, IndexFacts):
            table = f"{relation.table_schema}.{relation.table_name}"
        owner = f"{self.user} is not its owner" + (f" ({relation.owner} is)" if relation.owner else "")
        if self.major < 17:
            return f"{owner}, nor the database's (grant the owner's role to {self.user})"
        return f"{owner} and lacks MAINTAIN (grant maintain on {table} to {self.user}, or grant pg_maintain)"

    def _error(self, relation: Relation, error: QueryError) -> tuple[Fate, str]:
        if error.sqlstate == LOCK_NOT_AVAILABLE:
            return Fate.LOCKED, f"{LOCKED}, longer than lock_timeout"
        if error.sqlstate == DEADLOCK:
            return Fate.LOCKED, f"it waited for a session that waited for us: {error}"
        if error.sqlstate == QUERY_CANCELED:
            return Fate.CANCELLED, f"cancelled: {error.message}"
        if error.sqlstate == NO_RIGHT and not relation.may:
            return Fate.REFUSED, self.missing_right(relation)
        return (Fate.GONE, "it is gone") if error.sqlstate in NO_SUCH else (Fate.FAILED, str(error))


def is_lost(answer: Answer) -> bool:
    """Whether the connection itself has ended."""
    return isinstance(answer, QueryError) and (not answer.sqlstate or answer.sqlstate.startswith(_LOST))


def rose(step: WorkStep, relation: Relation, before: Counts, after: Counts) -> bool:
    """Whether the counters prove the work; those of partitioned tables are not kept before 14."""
    if relation.is_parent:
        return True
    if isinstance(step, ReindexStep):
        return after.valid and after.file != before.file
    if isinstance(step, VacuumStep) and step.full and after.file == before.file:
        return False
    # A rewrite is counted by its new file, and from 18 on apart from vacuum's own counter.
    vacuums = isinstance(step, FreezeStep) or (isinstance(step, VacuumStep) and not step.full)
    if vacuums and after.vacuums <= before.vacuums:
        return False
    analyzes = isinstance(step, AnalyzeStep) or (isinstance(step, VacuumStep) and step.analyze)
    return not analyzes or after.analyzes > before.analyzes


def _did_not_get_younger(before: Counts, after: Counts) -> bool:
    """Whether a table that was old enough to be taken is as old as before."""
    ages = [(before.xid_age, after.xid_age), (before.mxid_age, after.mxid_age)]
    falls = [old - new for old, new in ages if old is not None and new is not None]
    old = max(before.xid_age or 0, before.mxid_age or 0)
    return bool(falls) and max(falls) < old * 0.1 and old > _YOUNG


_YOUNG = 1_000_000
"""Tables of fewer transactions than this have no need to become younger."""
