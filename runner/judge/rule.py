"""How rows are judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Literal

from runner.expr import Expression, FunctionLike, facts
from runner.model.history import HistoryNeed
from runner.model.quantity import KINDS, Dimension
from runner.records import dataclass

OnNull = Literal["unknown", "ok", "warning", "critical"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`computed` in order: each may name those before it. Several thresholds of one level mean any of them.

    A row whose columns equal all texts or patterns of an exception is left out. `record` names the columns
    that history keeps; those that some expression looks back at are kept anyway.
    """

    key: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    computed: Mapping[str, Expression] = field(default_factory=dict)
    warning: tuple[Expression, ...] = ()
    critical: tuple[Expression, ...] = ()
    clear: Expression | None = None
    on_null: OnNull = "unknown"
    exceptions: tuple[Mapping[str, str], ...] = ()
    record: frozenset[str] = frozenset()
    functions: Mapping[str, FunctionLike] = field(default_factory=dict)

    @property
    def thresholds(self) -> tuple[Expression, ...]:
        return (*self.critical, *self.warning)

    @property
    def expressions(self) -> Iterator[Expression]:
        yield from self.computed.values()
        yield from self.thresholds
        if self.clear is not None:
            yield self.clear

    @property
    def dimensions(self) -> dict[str, Dimension]:
        """What the declared columns measure."""
        return {name: KINDS[kind][0] for name, kind in self.kinds.items() if kind in KINDS}


def needs(rule: Rule) -> frozenset[HistoryNeed]:
    """All that the rule's expressions ask of history."""
    return frozenset(need for expression in rule.expressions for need in facts(expression).needs)


def recorded_columns(rule: Rule) -> frozenset[str]:
    """The columns whose values history keeps."""
    return rule.record | {need.column for need in needs(rule)}
