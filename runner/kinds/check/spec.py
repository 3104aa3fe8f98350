"""A compiled check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from runner.judge import Rule
from runner.model.sql_variants import SqlVariants
from runner.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """The maintenance job that mends a finding, and its parameters as templates.

    With `auto` the job's next window runs it, at most once in `every` seconds.
    """

    job: str
    params: Mapping[str, str] = field(default_factory=dict)
    auto: bool = False
    every: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSpec:
    """Where the rows come from (`sql` or `probe`), how they are judged, and how they are shown."""

    rule: Rule
    sql: SqlVariants | None = None
    probe: str = ""
    probe_options: Mapping[str, object] = field(default_factory=dict)
    survives_unreachable: bool = False
    message: str = ""
    summary: str = ""
    hint: str = ""
    remedy: Remedy | None = None
    detail: SqlVariants | None = None
    show: tuple[str, ...] = ()
    trend: str = ""
