"""From thresholds to a state: what is critical, what is a warning, and what cannot be known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from runner.expr import Environment, Expression, Unknown, condition, facts, in_words, merge, truth
from runner.judge.rule import OnNull, Rule
from runner.model.state import State
from runner.records import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """A state, why, the expression that decided, and whether `clear:` keeps it."""

    state: State
    reason: str = ""
    threshold: str = ""
    held: bool = False


OK = Verdict(State.OK)


@dataclass(frozen=True, slots=True)
class Found:
    """What several thresholds of one level say together; `excused` is a missing value that `on_null:` speaks for."""

    truth: bool | Unknown
    expression: Expression | None = None
    excused: Unknown | None = None


NOT_MET = Found(False)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The expressions that are judged together: those of rows, or those of whole results."""

    critical: tuple[Expression, ...]
    warning: tuple[Expression, ...]
    clear: Expression | None
    on_null: OnNull

    def __bool__(self) -> bool:
        return bool(self.critical or self.warning)

    def judge(self) -> Callable[[Environment, State], Verdict]:
        """From a row and the state of its problem, as the last run left it, to its state now."""
        excuse = self.on_null != "unknown"
        critical, warning = _any_of(self.critical, excuse=excuse), _any_of(self.warning, excuse=excuse)

        def verdict(environment: Environment, open_state: State) -> Verdict:
            severe, mild = critical(environment), NOT_MET
            if severe.truth is not True:
                mild = warning(environment)
            if severe is NOT_MET and mild is NOT_MET:
                found = OK
            else:
                found = self._excused(severe, mild, _combined(severe, mild, environment))
            if found.state is State.OK and self.clear is not None and open_state in _HELD:
                return self._hold(self.clear, environment, open_state)
            return found

        return verdict

    def _excused(self, severe: Found, mild: Found, found: Verdict) -> Verdict:
        excused = severe if severe.excused is not None else mild
        if excused.excused is None or State(self.on_null).rank <= found.state.rank:
            return found
        text = excused.expression.text if excused.expression else ""
        return Verdict(State(self.on_null), f"{excused.excused.reason} (on_null: {self.on_null})", text)

    def _hold(self, clear: Expression, environment: Environment, open_state: State) -> Verdict:
        cleared = truth(clear, environment)
        if cleared is True or (isinstance(cleared, Unknown) and self.on_null == "ok" and _is_missing(cleared)):
            return OK
        why = f" ({cleared.reason})" if isinstance(cleared, Unknown) else ""
        reason = f"not yet clear{why}: {in_words(clear, environment)}"
        return Verdict(open_state, reason, clear.text, held=True)


_HELD = (State.WARNING, State.CRITICAL)


def _combined(severe: Found, mild: Found, environment: Environment) -> Verdict:
    """Critical first; what cannot be known hides a warning, what is only learning does not."""
    for found, state in ((severe, State.CRITICAL), (mild, State.WARNING)):
        if found.truth is True:
            return _fired(state, found.expression, environment)
        if isinstance(found.truth, Unknown) and not found.truth.learning:
            return _because(State.UNKNOWN, found.truth, found.expression)
    for found in (severe, mild):
        if isinstance(found.truth, Unknown):
            return _because(State.LEARNING, found.truth, found.expression)
    return OK


def _is_missing(found: Unknown) -> bool:
    return not found.fault and not found.learning


def _any_of(expressions: Sequence[Expression], *, excuse: bool) -> Callable[[Environment], Found]:
    """Any of them: the first that is true, else why it is not known, else false."""
    tests = [(condition(expression), expression) for expression in expressions]

    def find(environment: Environment) -> Found:
        unknowns: list[tuple[Unknown, Expression]] = []
        for test, expression in tests:
            found = test(environment)
            if found is True:
                return Found(True, expression)
            if isinstance(found, Unknown):
                unknowns.append((found, expression))
        return _undecided(unknowns, excuse=excuse) if unknowns else NOT_MET

    return find


def _undecided(unknowns: Sequence[tuple[Unknown, Expression]], *, excuse: bool) -> Found:
    excused = next((pair for pair in unknowns if excuse and _is_missing(pair[0])), None)
    left = [pair for pair in unknowns if not (excuse and _is_missing(pair[0]))]
    if not left:
        return Found(False, excused[1] if excused else None, excused[0] if excused else None)
    reason = reduce(merge, [found for found, _ in left])
    first = next(why for found, why in left if (found.fault, found.learning) == (reason.fault, reason.learning))
    return Found(reason, first, excused[0] if excused else None)


def _because(state: State, found: Unknown, expression: Expression | None) -> Verdict:
    return Verdict(state, found.reason, expression.text if expression else "")


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
