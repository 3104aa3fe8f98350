"""What judging gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from runner.expr import Value
from runner.model.history import Series
from runner.model.result import Observation
from runner.model.state import State, worst
from runner.records import dataclass


@dataclass(slots=True, kw_only=True)
class JudgedRow:
    """A row, or a whole result (without values), and its state. Not frozen, because one is made for every row.

    `threshold` is the text of the expression that decided, `reason` says it in words with the values.
    `held` means that only `clear:` keeps the state. `before` is the row before maintenance, when there was one.
    """

    series: Series
    state: State
    reason: str = ""
    threshold: str = ""
    held: bool = False
    values: Mapping[str, Value] = field(default_factory=dict)
    before: Mapping[str, Value] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """`rows` one by one, `whole` for thresholds that name no column: one per database."""

    rows: tuple[JudgedRow, ...] = ()
    whole: tuple[JudgedRow, ...] = ()
    observations: tuple[Observation, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def state(self) -> State:
        return worst(row.state for row in (*self.rows, *self.whole))
