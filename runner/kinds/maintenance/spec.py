"""What a maintenance job says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from runner.judge import Rule

NEEDED: Literal["needed"] = "needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which tables: what needs it, all, those that the names or patterns mean, or the rows of a query."""

    mode: Literal["needed", "all", "listed", "sql"] = NEEDED
    names: tuple[str, ...] = ()
    sql: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VacuumStep:
    """VACUUM, one statement a table."""

    name: str = ""
    tables: Choice = Choice()
    analyze: bool = False
    freeze: bool = False
    index_cleanup: str = ""
    parallel: int | None = None
    skip_locked: bool = False

    @property
    def verb(self) -> str:
        return "vacuumed and analyzed" if self.analyze else "vacuumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzeStep:
    """ANALYZE, one statement a table."""

    name: str = ""
    tables: Choice = Choice()
    skip_locked: bool = False

    @property
    def verb(self) -> str:
        return "analyzed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlStep:
    """One statement as it is written."""

    name: str
    sql: str
    autocommit: bool = False


TableStep: TypeAlias = "VacuumStep | AnalyzeStep"
Step: TypeAlias = "VacuumStep | AnalyzeStep | SqlStep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A query that is run before and after; `columns` gives the word for what each column measures."""

    key: tuple[str, ...]
    sql: str
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceSpec:
    """Steps, what is measured around them, and the conditions on the measured change."""

    steps: tuple[Step, ...]
    measure: Measure | None = None
    verify: Rule | None = None
