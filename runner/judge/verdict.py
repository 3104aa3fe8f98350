"""From thresholds to a state: what is critical, what is a warning, and what cannot be known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runner.expr import Environment, Expression, Unknown, facts, in_words, merge, truth
from runner.judge.rule import OnNull, Rule
from runner.model.state import State, worst


@dataclass(frozen=True, slots=True)
class Verdict:
    """A state, why, the expression that decided, and whether `clear:` keeps it."""

    state: State
    reason: str = ""
    threshold: str = ""
    held: bool = False


OK = Verdict(State.OK)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The expressions that are judged together: those of rows, or those of whole results."""

    critical: tuple[Expression, ...]
    warning: tuple[Expression, ...]
    clear: Expression | None
    on_null: OnNull

    def __bool__(self) -> bool:
        return bool(self.critical or self.warning)

    def verdict(self, environment: Environment, open_state: State) -> Verdict:
        """The state now; `open_state` is that of the problem as the last run left it."""
        found = self._now(environment)
        if found.state is State.OK and self.clear is not None and open_state in {State.WARNING, State.CRITICAL}:
            return self._hold(self.clear, environment, open_state)
        return found

    def _now(self, environment: Environment) -> Verdict:
        critical, why_critical = _first(self.critical, environment)
        if critical is True:
            return _fired(State.CRITICAL, why_critical, environment)
        warning, why_warning = _first(self.warning, environment)
        if isinstance(critical, Unknown) and not critical.learning:
            rest = State.WARNING if warning is True else State.OK
            return self._undecided(critical, why_critical, why_warning, environment, rest)
        if warning is True:
            return _fired(State.WARNING, why_warning, environment)
        if isinstance(warning, Unknown) and not warning.learning:
            return self._undecided(warning, why_warning, why_warning, environment, State.OK)
        for found, why in ((critical, why_critical), (warning, why_warning)):
            if isinstance(found, Unknown) and why is not None:
                return Verdict(State.LEARNING, found.reason, why.text)
        return OK

    def _undecided(
        self,
        found: Unknown,
        why: Expression | None,
        other: Expression | None,
        environment: Environment,
        rest: State,
    ) -> Verdict:
        """Unknown, or what `on_null:` makes of a missing value; it does not excuse a wrong one."""
        text = why.text if why else ""
        if self.on_null == "unknown" or found.fault:
            return Verdict(State.UNKNOWN, found.reason, text)
        instead = State(self.on_null)
        if worst((rest, instead)) is rest and rest is not instead:
            return _fired(rest, other, environment)
        return OK if instead is State.OK else Verdict(instead, f"{found.reason} (on_null: {self.on_null})", text)

    def _hold(self, clear: Expression, environment: Environment, open_state: State) -> Verdict:
        cleared = truth(clear, environment)
        if cleared is True:
            return OK
        why = f" ({cleared.reason})" if isinstance(cleared, Unknown) else ""
        reason = f"not yet clear{why}: {in_words(clear, environment)}"
        return Verdict(open_state, reason, clear.text, held=True)


def _first(expressions: Sequence[Expression], environment: Environment) -> tuple[bool | Unknown, Expression | None]:
    """Any of them: the first that is true, else why it is not known, else false."""
    pending: Unknown | None = None
    unknown_one: Expression | None = None
    for expression in expressions:
        found = truth(expression, environment)
        if found is True:
            return True, expression
        if isinstance(found, Unknown):
            merged = found if pending is None else merge(pending, found)
            if pending is None or (merged.fault, not merged.learning) != (pending.fault, not pending.learning):
                unknown_one = expression
            pending = merged
    return (False, None) if pending is None else (pending, unknown_one)


def _fired(state: State, expression: Expression | None, environment: Environment) -> Verdict:
    assert expression is not None
    return Verdict(state, in_words(expression, environment), expression.text)


def split(rule: Rule) -> tuple[Thresholds, Thresholds]:
    """The thresholds of single rows and those of whole results."""

    def of(expressions: Sequence[Expression], per_row: bool) -> tuple[Expression, ...]:
        return tuple(expression for expression in expressions if facts(expression).per_row is per_row)

    clear_whole = rule.clear if rule.clear is not None and not facts(rule.clear).per_row else None
    return (
        Thresholds(of(rule.critical, True), of(rule.warning, True), rule.clear, rule.on_null),
        Thresholds(of(rule.critical, False), of(rule.warning, False), clear_whole, rule.on_null),
    )
