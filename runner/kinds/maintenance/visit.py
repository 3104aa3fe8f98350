"""Does the steps of a job in one database."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field, replace

from runner.api import Job, QueryError, Rows, RunContext, ServerFacts, Session
from runner.kinds.maintenance.budget import Budget
from runner.kinds.maintenance.buffers import BLOCK
from runner.kinds.maintenance.calls import Call, for_each, mends_now
from runner.kinds.maintenance.choose import NOBODY, Selection, select
from runner.kinds.maintenance.crew import Hand, Item
from runner.kinds.maintenance.estimate import Estimates
from runner.kinds.maintenance.facts import SETTINGS_SQL, read_facts, tables_sql
from runner.kinds.maintenance.findings import findings_of, unknown_checks
from runner.kinds.maintenance.hands import Hands, prepare
from runner.kinds.maintenance.indexes import IndexSelection, select_indexes
from runner.kinds.maintenance.leftovers import Cleaned, clean_up, drop, drop_statement, read_all
from runner.kinds.maintenance.lock import release_lock, take_lock
from runner.kinds.maintenance.measure import measure
from runner.kinds.maintenance.round import Round
from runner.kinds.maintenance.spec import (
    Choice,
    FreezeStep,
    MaintenanceSpec,
    Measure,
    ReindexStep,
    SqlStep,
    TableStep,
    VacuumStep,
    WorkStep,
)
from runner.kinds.maintenance.sql import Ran, run_statement, wait_until_allowed
from runner.kinds.maintenance.statements import ONLY_DATABASE_STATS, lock_of, statement_of, unknown_options
from runner.kinds.maintenance.work import Fate, Judge, Worked
from runner.model.quantity import show_bytes, show_duration
from runner.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a dry run says of one statement; `seconds` is None when it was never measured."""

    statement: str
    why: str
    lock: str = ""
    seconds: float | None = None


@dataclass(slots=True, kw_only=True)
class Visit:
    """What was done in one database. `obstacle` says why nothing was, `left` that the time was up before.

    `missing` are names that nothing has, each with what it should have been (`table`, `index`).
    """

    database: str
    skipped: str = ""
    obstacle: str = ""
    left: bool = False
    worked: list[Worked] = field(default_factory=list)
    ran: list[Ran] = field(default_factory=list)
    cleaned: list[Cleaned] = field(default_factory=list)
    planned: list[Planned] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)
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
    estimates: Estimates
    session: Session
    visit: Visit
    calls: Sequence[Call] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    hands: Hands = field(init=False)

    def __post_init__(self) -> None:
        self.hands = Hands(
            context=self.context,
            database=self.visit.database,
            limits=self.spec.limits,
            major=self.server.major,
        )

    def run(self) -> None:
        """Fills the visit; what goes wrong with one table or statement does not stop the others."""
        self._prepare()
        if self.visit.skipped or self.visit.obstacle:
            return
        try:
            self.visit.before = self._measure("before")
            if self._steps() and self.server.major >= 16 and not self.budget.is_over():
                self.session.execute(ONLY_DATABASE_STATS, timeout=self.budget.left())
            self.visit.after = self._measure("after")
        finally:
            self.hands.close()
            if not self.context.dry_run:
                release_lock(self.session)

    def _steps(self) -> bool:
        """Does the steps in order; whether any table was vacuumed."""
        vacuumed = False
        for step in self.spec.steps:
            if isinstance(step, SqlStep):
                succeeded = [self._sql(step, call) for call in for_each(self.calls, step.sql)]
                if not all(succeeded):
                    break
            elif isinstance(step, ReindexStep):
                self._rebuild(step)
            else:
                vacuumed |= self._tables(step) and isinstance(step, (VacuumStep, FreezeStep))
        return vacuumed

    def _prepare(self) -> None:
        prepare(self.session, self.server.major)
        if self.context.dry_run:
            self.session.execute("set default_transaction_read_only = on")
        else:
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
        rows = Rows()
        for call in for_each(self.calls, wanted.sql):
            found = measure(self.session, wanted, call.params, self.job.statement_timeout)
            if isinstance(found, str):
                self.visit.notes.append(f"{self._here}could not measure {when}: {found}")
                return Rows()
            rows = replace(found, rows=(*rows.rows, *found.rows))
        return rows

    def _note(self, texts: Sequence[str]) -> None:
        said = (f"{self._here}{text}" for text in texts)
        self.visit.notes += [text for text in said if text not in self.visit.notes]

    @property
    def _here(self) -> str:
        return f"{self.visit.database}: " if self.visit.database else ""

    # ---- tables

    def _tables(self, step: TableStep) -> bool:
        """Works on the tables of the step; whether there were any."""
        selection = self._select(step)
        if isinstance(selection, str):
            return self._cannot_choose(step, "tables", selection)
        self._miss("table", selection.missing)
        self.visit.looked_at = max(self.visit.looked_at, selection.looked_at)
        self.visit.notes += [
            f"{self._here}{item.table.title} is a temporary table that only its own session can vacuum: {item.reason}"
            for item in selection.unreachable
        ]
        self._warn_before(step, selection)
        self._work(step, selection.chosen)
        return bool(selection.chosen)

    def _miss(self, noun: str, names: Sequence[str]) -> None:
        """A problem may outlive its table for a while, so what it names need not be there."""
        if not mends_now(self.context, self.job):
            self.visit.missing += [(noun, name) for name in names]

    def _warn_before(self, step: TableStep, selection: Selection) -> None:
        self.visit.notes += [
            f"{self._here}PostgreSQL {self.server.major} does not know {name}; it was left out"
            for name in unknown_options(step, self.server.major)
        ]
        if isinstance(step, VacuumStep) and step.full:
            for item in selection.chosen:
                size = show_bytes(item.table.pages * BLOCK)
                warning = f"{item.table.title}: {lock_of(step)}; up to {size} more on disk until it is done"
                self.visit.notes.append(f"{self._here}{warning}")
                self.context.progress(f"{self._here}{warning}")

    def _work(self, step: WorkStep, chosen: Sequence[Item]) -> None:
        """Two goes: what was locked, gave way or was in autovacuum's hands deserves a second one."""
        if self.context.dry_run:
            self._plan(step, chosen)
            return
        if not chosen:
            return
        budget = self.budget.within(step.budget)
        hands = self.hands.of(step, min(step.jobs, len(chosen)))
        if self.hands.refused:
            few = f"{len(hands)} of {step.jobs} connections could be opened: {self.hands.refused}"
            self.visit.notes.append(f"{self._here}{few}")
        first = self._round(step, hands, budget)
        first.run(chosen)
        second = self._round(step, hands, budget, last=True)
        second.run(first.put_off)
        for each in (first, second):
            self.visit.worked += each.worked
            self._note(each.notes)
            if each.paused:
                why = f"paused for {show_duration(round(each.paused, 1))} in all, because {each.paused_by}"
                self.visit.notes.append(f"{self._here}{why}")

    def _round(self, step: WorkStep, hands: Sequence[Hand], budget: Budget, *, last: bool = False) -> Round:
        counted = self.settings.get("track_counts") != "off"
        return Round(
            context=self.context,
            control=self.session,
            hands=hands,
            step=step,
            database=self.visit.database,
            limits=self.spec.limits,
            budget=budget,
            judge=Judge(major=self.server.major, user=self.server.user, counts_kept=counted),
            estimates=self.estimates,
            last=last,
        )

    def _select(self, step: TableStep) -> Selection | str:
        answer = self.session.execute(tables_sql(self.server.major))
        if isinstance(answer, QueryError):
            return str(answer)
        named = self._named(step.tables)
        if isinstance(named, str):
            return named
        return select(step, read_facts(answer.dicts()), self.settings, named=named, first=self._undone())

    def _named(self, choice: Choice) -> Mapping[tuple[str, str], str] | str:
        """What a query or the findings of checks choose and why, or why they do not."""
        if choice.mode == "findings":
            self.visit.missing += [("check", name) for name in unknown_checks(self.context, choice.names)]
            return findings_of(self.context, choice.names, self.visit.database, self.server.database)
        if choice.mode != "sql":
            return NOBODY
        found: dict[tuple[str, str], str] = {}
        for call in for_each(self.calls, choice.sql):
            chosen = self.session.execute(choice.sql, call.params, timeout=self.job.statement_timeout)
            if isinstance(chosen, QueryError):
                return str(chosen)
            found = {**dict.fromkeys(_named(chosen), call.why), **found}
        return found

    def _cannot_choose(self, step: WorkStep, what: str, why: str) -> bool:
        name = step.name or step.verb
        self.visit.ran.append(Ran(name=name, complaint=f"the {what} cannot be chosen: {why}"))
        return False

    def _undone(self) -> frozenset[tuple[str, ...]]:
        """The tables of this database that the last run did not finish."""
        problems = self.context.memory.problems
        return frozenset(series.key for series in problems if series.database == self.visit.database)

    def _plan(self, step: WorkStep, chosen: Sequence[Item]) -> None:
        self.visit.planned += [
            Planned(
                statement=statement_of(step, item.table, self.server.major),
                why=item.reason,
                lock=lock_of(step),
                seconds=self.estimates.of(step.action, self.visit.database, item.table.key),
            )
            for item in chosen
        ]

    # ---- indexes

    def _rebuild(self, step: ReindexStep) -> None:
        selection = self._select_indexes(step)
        if isinstance(selection, str):
            self._cannot_choose(step, "indexes", selection)
            return
        self._miss("index", selection.missing)
        self.visit.looked_at = max(self.visit.looked_at, selection.looked_at)
        self._leftovers(step, selection)
        self.visit.notes += [f"{self._here}{item.table.title} is left: {item.reason}" for item in selection.refused]
        if selection.put_off:
            self.visit.notes.append(f"{self._here}{selection.put_off} more indexes are left for the next run")
        before = len(self.visit.worked)
        self._work(step, selection.chosen)
        undone = [item for item in self.visit.worked[before:] if not item.fate.is_done and item.fate is not Fate.LEFT]
        tables = frozenset(item.table.table_oid for item in undone)
        if tables:
            self.visit.cleaned += clean_up(self.session, self.server.major, tables)

    def _select_indexes(self, step: ReindexStep) -> IndexSelection | str:
        indexes = read_all(self.session, self.server.major)
        if isinstance(indexes, QueryError):
            return str(indexes)
        named = self._named(step.indexes)
        if isinstance(named, str):
            return named
        return select_indexes(step, indexes, named=named, first=self._undone())

    def _leftovers(self, step: ReindexStep, selection: IndexSelection) -> None:
        """What an interrupted rebuild left; each is dropped, or named."""
        found = list(selection.leftovers)
        if step.leftovers == "report":
            found = [replace(item, why_kept=item.why_kept or "`leftovers: report`") for item in found]
        if self.context.dry_run:
            self.visit.planned += [
                Planned(statement=drop_statement(item.index), why="left by an interrupted rebuild", lock=lock_of(step))
                for item in found
                if not item.why_kept
            ]
        elif not self.budget.is_over():
            self.visit.cleaned += drop(self.session, found)

    # ---- statements

    def _sql(self, step: SqlStep, call: Call) -> bool:
        """Runs one statement; false when the steps after it must not run."""
        name = f"{step.name}: {call.title}" if call.title else step.name
        if self.context.dry_run:
            how = "without a transaction" if step.autocommit else "in a transaction"
            self.visit.planned.append(Planned(statement=" ".join(step.sql.split()), why=f"{name}, {how}"))
            return True
        self._note(wait_until_allowed(self.context, self.session, self.spec.limits, self.budget, self._here))
        if self.budget.is_over():
            self.visit.ran.append(Ran(name=name, complaint=f"not started: {self.budget.why}"))
            return False
        self.context.progress(f"{self._here}{name}")
        ran = run_statement(self.session, step, call, name, self.budget.left())
        self.visit.ran.append(ran)
        return ran.succeeded


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
