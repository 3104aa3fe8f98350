"""Does the steps of a job in one database."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from runner.api import Job, QueryError, Rows, RunContext, ServerFacts, Session
from runner.kinds.maintenance.budget import Budget
from runner.kinds.maintenance.choose import Chosen, Selection, select
from runner.kinds.maintenance.facts import SETTINGS_SQL, read_facts, tables_sql
from runner.kinds.maintenance.lock import release_lock, take_lock
from runner.kinds.maintenance.measure import measure
from runner.kinds.maintenance.spec import MaintenanceSpec, Measure, SqlStep, TableStep, VacuumStep
from runner.kinds.maintenance.statements import ONLY_DATABASE_STATS, table_statement
from runner.kinds.maintenance.work import Fate, Worked, Worker

_NO_TRANSACTION = "25001"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A statement of a job: `complaint` is empty when it succeeded, `warned` tells a warning from a failure."""

    name: str
    seconds: float = 0.0
    complaint: str = ""
    warned: bool = False


@dataclass(slots=True, kw_only=True)
class Visit:
    """What was done in one database. `obstacle` says why nothing was, `left` that the time was up before."""

    database: str
    skipped: str = ""
    obstacle: str = ""
    left: bool = False
    worked: list[Worked] = field(default_factory=list)
    ran: list[Ran] = field(default_factory=list)
    planned: list[tuple[str, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    looked_at: int = 0
    notes: list[str] = field(default_factory=list)
    before: Rows = field(default_factory=Rows)
    after: Rows = field(default_factory=Rows)


@dataclass(slots=True, kw_only=True)
class Visitor:
    """Everything that the steps in one database share."""

    context: RunContext
    job: Job
    spec: MaintenanceSpec
    server: ServerFacts
    budget: Budget
    session: Session
    visit: Visit
    settings: Mapping[str, str] = field(default_factory=dict)

    def run(self) -> None:
        """Fills the visit; what goes wrong with one table or statement does not stop the others."""
        self._prepare()
        if self.visit.skipped or self.visit.obstacle:
            return
        try:
            self.visit.before = self._measure("before")
            vacuumed = False
            for step in self.spec.steps:
                if isinstance(step, SqlStep):
                    if not self._sql(step):
                        break
                else:
                    vacuumed |= self._tables(step)
            if vacuumed and self.server.major >= 16 and not self.budget.is_over():
                self.session.execute(ONLY_DATABASE_STATS, timeout=self.budget.left())
            self.visit.after = self._measure("after")
        finally:
            release_lock(self.session)

    def _prepare(self) -> None:
        self.session.execute("set statement_timeout = 0")
        if self.server.major >= 14:
            # Without it a server goes on for hours for a runner that was killed, and keeps our lock.
            self.session.execute("set client_connection_check_interval = '5s'")
        if self.context.dry_run:
            self.session.execute("set default_transaction_read_only = on")
        self.visit.skipped = take_lock(self.session)
        answer = self.session.execute(SETTINGS_SQL)
        if isinstance(answer, QueryError):
            self.visit.obstacle = f"cannot read the server's settings: {answer}"
        else:
            self.settings = {str(name): str(value) for name, value in answer.rows}

    def _measure(self, when: str) -> Rows:
        wanted: Measure | None = self.spec.measure
        if wanted is None or self.context.dry_run:
            return Rows()
        found = measure(self.session, wanted, self.context.params, self.job.statement_timeout)
        if isinstance(found, str):
            self.visit.notes.append(f"{self._here}could not measure {when}: {found}")
            return Rows()
        return found

    @property
    def _here(self) -> str:
        return f"{self.visit.database}: " if self.visit.database else ""

    # ---- tables

    def _tables(self, step: TableStep) -> bool:
        """Works on the tables of the step; whether any was vacuumed."""
        selection = self._select(step)
        if isinstance(selection, str):
            name = step.name or step.verb
            self.visit.ran.append(Ran(name=name, complaint=f"the tables cannot be chosen: {selection}"))
            return False
        self.visit.missing.extend(selection.missing)
        self.visit.looked_at = max(self.visit.looked_at, selection.looked_at)
        if self.context.dry_run:
            self._plan(step, selection)
            return False
        worker = self._worker()
        locked = self._round(worker, step, selection.chosen)
        self._round(worker, step, locked, last=True)
        return isinstance(step, VacuumStep) and bool(selection.chosen)

    def _round(
        self, worker: Worker, step: TableStep, chosen: tuple[Chosen, ...], *, last: bool = False
    ) -> tuple[Chosen, ...]:
        """Works on each; returns those that were locked and deserve a second try, none in the last round."""
        locked = []
        for number, item in enumerate(chosen, start=1):
            if self.budget.is_over():
                self.visit.worked.append(self._left(step, item, was_locked=last))
                continue
            again = ", once more" if last else ""
            doing = f"{self._here}{item.table.title} ({number} of {len(chosen)}{again})"
            self.context.progress(doing)
            done = worker.work(step, item.table, self.budget.left())
            if done.fate is Fate.LOCKED and not last:
                locked.append(item)
            else:
                self.visit.worked.append(done)
        return tuple(locked)

    def _left(self, step: TableStep, item: Chosen, *, was_locked: bool) -> Worked:
        fate, message = (Fate.LOCKED, _LOCKED) if was_locked else (Fate.LEFT, self.budget.why)
        return Worked(database=self.visit.database, table=item.table, verb=step.verb, fate=fate, message=message)

    def _worker(self) -> Worker:
        return Worker(
            session=self.session,
            database=self.visit.database,
            major=self.server.major,
            user=self.server.user,
            counts_kept=self.settings.get("track_counts") != "off",
        )

    def _select(self, step: TableStep) -> Selection | str:
        answer = self.session.execute(tables_sql(self.server.major))
        if isinstance(answer, QueryError):
            return str(answer)
        named: list[tuple[str, str]] = []
        if step.tables.mode == "sql":
            timeout = self.job.statement_timeout
            chosen = self.session.execute(step.tables.sql, self.context.params, timeout=timeout)
            if isinstance(chosen, QueryError):
                return str(chosen)
            named = _named(chosen)
        return select(step, read_facts(answer.dicts()), self.settings, named=named, first=self._undone())

    def _undone(self) -> frozenset[tuple[str, ...]]:
        """The tables of this database that the last run did not finish."""
        problems = self.context.memory.problems
        return frozenset(series.key for series in problems if series.database == self.visit.database)

    def _plan(self, step: TableStep, selection: Selection) -> None:
        for item in selection.chosen:
            self.visit.planned.append((table_statement(step, item.table, self.server.major), item.reason))

    # ---- statements

    def _sql(self, step: SqlStep) -> bool:
        """Runs one statement; false when the steps after it must not run."""
        if self.context.dry_run:
            how = "without a transaction" if step.autocommit else "in a transaction"
            self.visit.planned.append((" ".join(step.sql.split()), f"{step.name}, {how}"))
            return True
        if self.budget.is_over():
            self.visit.ran.append(Ran(name=step.name, complaint=f"not started: {self.budget.why}"))
            return False
        self.context.progress(f"{self._here}{step.name}")
        answer = self._execute(step)
        if isinstance(answer, QueryError):
            self.visit.ran.append(Ran(name=step.name, seconds=answer.seconds, complaint=_explained(answer)))
            return False
        warnings = [notice.message for notice in answer.notices if notice.severity == "WARNING"]
        complaint = f"the server warned: {warnings[0]}" if warnings else ""
        self.visit.ran.append(Ran(name=step.name, seconds=answer.seconds, complaint=complaint, warned=bool(warnings)))
        return True

    def _execute(self, step: SqlStep) -> Rows | QueryError:
        if step.autocommit:
            return self.session.execute(step.sql, self.context.params, timeout=self.budget.left())
        begun = self.session.execute("begin")
        if isinstance(begun, QueryError):
            return begun
        answer = self.session.execute(step.sql, self.context.params, timeout=self.budget.left())
        ended = self.session.execute("rollback" if isinstance(answer, QueryError) else "commit")
        return ended if isinstance(ended, QueryError) and isinstance(answer, Rows) else answer


_LOCKED = "another session holds a lock on it"


def _explained(error: QueryError) -> str:
    if error.sqlstate == _NO_TRANSACTION:
        return f"{error}; add `autocommit: true` to the step"
    return str(error)


def _named(answer: Rows) -> list[tuple[str, str]]:
    """Schema and table of each row: its first two columns, or one column with a possibly qualified name."""
    found = []
    for row in answer.rows:
        if len(row) >= 2:
            found.append((str(row[0]), str(row[1])))
        elif row:
            parts = [_unquoted(part) for part in re.findall(r'"(?:[^"]|"")*"|[^.]+', str(row[0]))]
            found.append((parts[0], parts[1]) if len(parts) > 1 else ("public", parts[0]))
    return found


def _unquoted(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part
