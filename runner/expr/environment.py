"""What an expression is evaluated in: a row among its rows, its past, parameters, and the time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from datetime import UTC, datetime
from typing import Final, TypeAlias

from runner.expr.functions import FunctionLike
from runner.expr.values import Quantity, Unknown, Value
from runner.model.history import NO_PAST, Past, Series
from runner.model.quantity import Dimension
from runner.records import dataclass

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class Environment:
    """Not frozen, because one is made for every row; nothing changes it. `before` and `after` are None where the row is missing in that measurement.

    `dimensions` says what columns measure, for recorded values. All rows of one result share `peers` (their
    environments) and `memo` (values of aggregates); both are made from `rows` when they are not given.
    """

    row: Mapping[str, Value] = field(default_factory=dict)
    rows: Sequence[Mapping[str, Value]] = ()
    past: Past = NO_PAST
    series: Series = Series()
    params: Mapping[str, object] = field(default_factory=dict)
    before: Mapping[str, Value] | None = None
    after: Mapping[str, Value] | None = None
    now: datetime = _EPOCH
    functions: Mapping[str, FunctionLike] = field(default_factory=dict)
    dimensions: Mapping[str, Dimension] = field(default_factory=dict)
    peers: Sequence[Environment] | None = None
    memo: dict[object, object] = field(default_factory=dict, compare=False, repr=False)

    def dimension(self, column: str) -> Dimension | None:
        """What the column measures: as it is now, or as it is declared."""
        now = self.row.get(column)
        return now.dimension if isinstance(now, Quantity) else self.dimensions.get(column)

    def everyone(self) -> Sequence[Environment]:
        """The environments of all rows of the result."""
        if self.peers is None:
            return [replace(self, row=row, memo={}, peers=()) for row in self.rows]
        return self.peers


Valued: TypeAlias = Callable[[Environment], Value]
"""An expression made ready: from where it is evaluated to its value."""
Test: TypeAlias = Callable[[Environment], "bool | Unknown"]
