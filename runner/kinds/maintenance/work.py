"""Works on one table: the statement, the proof that it was done, and what it changed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import Enum

from runner.api import Notice, QueryError, Rows, Session
from runner.kinds.maintenance.facts import TableFacts
from runner.kinds.maintenance.horizon import oldest_holder
from runner.kinds.maintenance.spec import TableStep, VacuumStep
from runner.kinds.maintenance.statements import table_statement
from runner.model.quantity import show_number

LOCK_NOT_AVAILABLE = "55P03"
QUERY_CANCELED = "57014"
_COUNTS = """
select n_dead_tup as dead, vacuum_count as vacuums, analyze_count as analyzes
from pg_stat_all_tables where relid = :oid::oid
"""
_SIZE = "select pg_total_relation_size(:oid::oid)"
_SECONDS_FOR_STATISTICS = 1.0
_FEW_DEAD_ROWS = 50
"""So few dead rows after VACUUM are the doing of the minute, not of an old snapshot."""


class Fate(Enum):
    """What became of one table."""

    DONE = "done"
    HELD = "held"
    LOCKED = "locked"
    REFUSED = "refused"
    FAILED = "failed"
    GONE = "gone"
    LEFT = "not started"

    @property
    def is_failure(self) -> bool:
        return self in (Fate.LOCKED, Fate.REFUSED, Fate.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The counters of one table at one moment; `size` is None when it could not be measured."""

    dead: int = 0
    vacuums: int = 0
    analyzes: int = 0
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """What was done to one table; `message` says why when it was not done well."""

    database: str
    table: TableFacts
    verb: str
    fate: Fate
    message: str = ""
    seconds: float = 0.0
    before: Counts = Counts()
    after: Counts | None = None

    @property
    def returned(self) -> int:
        """Bytes given back to the file system; negative when the table grew."""
        if self.after is None or self.after.size is None or self.before.size is None:
            return 0
        return self.before.size - self.after.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One session and what it needs to know about its server."""

    session: Session
    database: str
    major: int
    user: str
    counts_kept: bool = True
    """False when track_counts is off, so that no counter can prove anything."""

    def work(self, step: TableStep, table: TableFacts, timeout: float | None) -> Worked:
        """Runs the statement of the step for the table and judges it."""
        before = self._counts(table)
        if isinstance(before, QueryError):
            return self._worked(step, table, self._fate_of(before), str(before), seconds=before.seconds)
        if before is None:
            return self._worked(step, table, Fate.GONE, "the table is gone")
        answer = self.session.execute(table_statement(step, table, self.major), timeout=timeout)
        if isinstance(answer, QueryError):
            return self._worked(step, table, *self._error(answer), before=before, seconds=answer.seconds)
        after = self._after(step, table, before)
        fate, message = self._judge(step, table, answer, before, after)
        return self._worked(step, table, fate, message, before=before, after=after, seconds=answer.seconds)

    def _worked(
        self,
        step: TableStep,
        table: TableFacts,
        fate: Fate,
        message: str,
        *,
        before: Counts | None = None,
        after: Counts | None = None,
        seconds: float = 0.0,
    ) -> Worked:
        return Worked(
            database=self.database,
            table=table,
            verb="analyzed" if table.is_parent else step.verb,
            fate=fate,
            message=message,
            seconds=seconds,
            before=before or Counts(),
            after=after,
        )

    def _counts(self, table: TableFacts) -> Counts | QueryError | None:
        size = self.session.execute(_SIZE, {"oid": table.oid})
        if isinstance(size, QueryError):
            return size
        if not size.rows or size.rows[0][0] is None:
            return None
        found = self.session.execute(_COUNTS, {"oid": table.oid})
        if isinstance(found, QueryError):
            return found
        counted = found.dicts()[0] if found.rows else {}
        return Counts(size=size.rows[0][0], **counted)  # type: ignore[arg-type]

    def _after(self, step: TableStep, table: TableFacts, before: Counts) -> Counts | None:
        """The counters once they show the work; before 15 they may take a moment to arrive."""
        end = time.monotonic() + _SECONDS_FOR_STATISTICS
        while True:
            counts = self._counts(table)
            found = counts if isinstance(counts, Counts) else None
            if found is None or _rose(step, table, before, found) or self.major >= 15 or time.monotonic() > end:
                return found
            time.sleep(0.05)

    def _judge(
        self, step: TableStep, table: TableFacts, answer: Rows, before: Counts, after: Counts | None
    ) -> tuple[Fate, str]:
        warnings = [notice for notice in answer.notices if notice.severity == "WARNING"]
        if warnings:
            return self._warned(table, warnings)
        if after is not None and self.counts_kept and not _rose(step, table, before, after):
            return Fate.FAILED, "the server reported success, but its own counters do not show it"
        if isinstance(step, VacuumStep) and after and after.dead > max(_FEW_DEAD_ROWS, before.dead // 10):
            held = f"{show_number(after.dead)} dead rows could not be removed"
            return Fate.HELD, f"{held}: {oldest_holder(self.session)}"
        return Fate.DONE, ""

    def _warned(self, table: TableFacts, warnings: list[Notice]) -> tuple[Fate, str]:
        """A warning is how the server says that it skipped the table; its words are in its own language."""
        if any(notice.sqlstate == LOCK_NOT_AVAILABLE for notice in warnings):
            return Fate.LOCKED, "another session holds a lock on it"
        if not table.may:
            return Fate.REFUSED, f"the server skipped it: {self._missing_right(table)}"
        return Fate.FAILED, f"the server warned: {warnings[0].message}"

    def _missing_right(self, table: TableFacts) -> str:
        owner = f"{self.user} is not its owner"
        if self.major < 17:
            return f"{owner}, nor the database's (grant the owner's role to {self.user})"
        return f"{owner} and lacks MAINTAIN (grant maintain on {table.title} to {self.user}, or grant pg_maintain)"

    def _error(self, error: QueryError) -> tuple[Fate, str]:
        fate = self._fate_of(error)
        if fate is Fate.LOCKED:
            return fate, "another session holds a lock on it, longer than lock_timeout"
        if error.sqlstate == QUERY_CANCELED:
            return fate, f"cancelled: {error.message}"
        return fate, str(error)

    @staticmethod
    def _fate_of(error: QueryError) -> Fate:
        return Fate.LOCKED if error.sqlstate == LOCK_NOT_AVAILABLE else Fate.FAILED


def _rose(step: TableStep, table: TableFacts, before: Counts, after: Counts) -> bool:
    """Whether the counters prove the work; those of partitioned tables are not kept before 14."""
    if table.is_parent:
        return True
    if isinstance(step, VacuumStep) and after.vacuums <= before.vacuums:
        return False
    analyzes = not isinstance(step, VacuumStep) or step.analyze
    return not analyzes or after.analyzes > before.analyzes
