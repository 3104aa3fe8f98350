"""What a maintenance job says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal, TypeAlias

from runner.expr import Expression, FunctionLike
from runner.judge import Rule
from runner.records import dataclass

NEEDED: Literal["needed"] = "needed"
Action: TypeAlias = Literal["vacuum", "analyze", "freeze", "reindex", "sql"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which tables or indexes: what needs it, all, those that the names or patterns mean, or the rows of a query.

    With `findings` the names are those of checks (or patterns), and their open problems say which. `invalid` and
    `bloated` are there for indexes only.
    """

    mode: Literal["needed", "all", "listed", "sql", "findings", "invalid", "bloated"] = NEEDED
    names: tuple[str, ...] = ()
    sql: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _OnTables:
    """What every step has that works on tables, one statement each, with `jobs` connections."""

    name: str = ""
    tables: Choice = Choice()
    skip_locked: bool = False
    buffer_usage_limit: str = ""
    jobs: int = 1
    budget: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cleans(_OnTables):
    """What every VACUUM has. `flags` are options by their name as written, in PostgreSQL's spelling."""

    index_cleanup: str = ""
    parallel: int | None = None
    flags: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class VacuumStep(_Cleans):
    """VACUUM; with `full` it rewrites the table, which is recorded apart because it takes so much longer."""

    analyze: bool = False
    freeze: bool = False
    full: bool = False

    @property
    def action(self) -> Action | Literal["full"]:
        return "full" if self.full else "vacuum"

    @property
    def verb(self) -> str:
        if self.full:
            return "rewritten and analyzed" if self.analyze else "rewritten"
        return "vacuumed and analyzed" if self.analyze else "vacuumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeStep(_Cleans):
    """VACUUM (FREEZE) of tables by their age in transactions or multixacts.

    The ages are numbers, or shares of autovacuum_freeze_max_age and autovacuum_multixact_freeze_max_age (below 1).
    """

    xid_age: float = 0.5
    mxid_age: float = 0.5

    @property
    def action(self) -> Action:
        return "freeze"

    @property
    def verb(self) -> str:
        return "frozen"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzeStep(_OnTables):
    """ANALYZE; `target` stands in for default_statistics_target."""

    target: int | None = None

    @property
    def action(self) -> Action:
        return "analyze"

    @property
    def verb(self) -> str:
        return "analyzed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReindexStep:
    """REINDEX INDEX CONCURRENTLY, one index after the other.

    `bloat` is the estimated share of an index that holds no entries and `min_size` its bytes, from which on it counts
    as bloated. `most` bounds the indexes of one run.
    """

    name: str = ""
    indexes: Choice = Choice(mode="invalid")
    bloat: float = 0.5
    min_size: int = 10 * 1024**2
    most: int | None = None
    leftovers: Literal["drop", "report"] = "drop"
    budget: float | None = None

    @property
    def action(self) -> Action:
        return "reindex"

    @property
    def verb(self) -> str:
        return "rebuilt"

    @property
    def jobs(self) -> int:
        """Two rebuilds at once would wait for each other's snapshots."""
        return 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlStep:
    """One statement as it is written."""

    name: str
    sql: str
    autocommit: bool = False
    budget: float | None = None

    @property
    def action(self) -> Action:
        return "sql"


Cleaning: TypeAlias = "VacuumStep | FreezeStep"
TableStep: TypeAlias = "VacuumStep | FreezeStep | AnalyzeStep"
WorkStep: TypeAlias = "VacuumStep | FreezeStep | AnalyzeStep | ReindexStep"
Step: TypeAlias = "VacuumStep | FreezeStep | AnalyzeStep | ReindexStep | SqlStep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A query that is run before and after; `columns` gives the word for what each column measures."""

    key: tuple[str, ...]
    sql: str
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How far the job may go; durations in seconds.

    `at_end` says what becomes of a running statement when the window or the budget ends.
    """

    budget: float | None = None
    at_end: Literal["finish", "cancel"] = "finish"
    cost_delay: float | None = None
    cost_limit: int | None = None
    pause_when: Expression | None = None
    stop_when: Expression | None = None
    yield_to_waiters: bool = True
    functions: Mapping[str, FunctionLike] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceSpec:
    """Steps, what is measured around them, their limits, and the conditions on the measured change."""

    steps: tuple[Step, ...]
    measure: Measure | None = None
    verify: Rule | None = None
    limits: Limits = Limits()
