"""From a tree to Python closures, made once per expression: this is what makes evaluation fast."""

from __future__ import annotations

from fractions import Fraction
from typing import cast

from runner.expr.arithmetic import COMPARE, NAMES, combine, comparable, conflict, negative
from runner.expr.calling import call_value
from runner.expr.environment import Environment, Test, Valued
from runner.expr.facts import looks_at_row
from runner.expr.past import previous
from runner.expr.tree import (
    Between,
    Binary,
    Call,
    Compare,
    CompareWord,
    Dotted,
    Expression,
    IsNull,
    IsTruth,
    Literal,
    Logic,
    Matches,
    Name,
    Negative,
    Node,
    Not,
    Operator,
    PercentOf,
    RowCount,
    Within,
)
from runner.expr.values import Quantity, Unknown, Value, merge, param
from runner.model.history import Form, HistoryNeed
from runner.model.quantity import Dimension


def value_closure(expression: Expression) -> Valued:
    """The expression as a function from an environment to a value."""
    found = expression.derived.get("value")
    if found is None:
        found = expression.derived["value"] = _Builder(expression.text).value(expression.tree)
    return cast("Valued", found)


def truth_closure(expression: Expression) -> Test:
    """The expression as a function from an environment to true, false or unknown."""
    found = expression.derived.get("truth")
    if found is None:
        found = expression.derived["truth"] = _Builder(expression.text).truth(expression.tree)
    return cast("Test", found)


def value_of(expression: Expression, node: Node) -> Valued:
    """A part of the expression as such a function."""
    parts = cast("dict[int, Valued]", expression.derived.setdefault("parts", {}))
    if id(node) not in parts:
        parts[id(node)] = _Builder(expression.text).value(node)
    return parts[id(node)]


class _Builder:
    def __init__(self, text: str) -> None:
        self._text = text

    def text(self, node: Node) -> str:
        return self._text[node.start : node.end]

    def value(self, node: Node) -> Valued:
        match node:
            case Literal(value=value, dimension=dimension):
                constant = Quantity(value, dimension)
                return lambda _: constant
            case Name(name=name):
                return _column(name)
            case Dotted():
                return _dotted(node)
            case RowCount():
                return lambda environment: Quantity(len(environment.everyone()), Dimension.NUMBER)
            case Call():
                return call_value(node, self)
            case Negative(operand=operand):
                return _negative(self.value(operand), self.text(operand))
            case Binary(operator=word, left=left, right=right):
                return _kept(node, self._arithmetic(word, left, right))
            case PercentOf(share=share, whole=whole):
                return _kept(node, self._arithmetic("*", share, whole))
        return _as_value(self.truth(node))

    def truth(self, node: Node) -> Test:
        match node:
            case Logic(operator=word, parts=parts):
                return _logic(tuple(self.truth(part) for part in parts), decisive=word == "or")
            case Not(operand=operand):
                return _negated(self.truth(operand), True)
            case Compare(operator=word, left=left, right=right):
                return self._compare(word, left, right)
            case Between(operand=operand, low=low, high=high, negated=negated):
                bounds = (self._compare(">=", operand, low), self._compare("<=", operand, high))
                return _negated(_logic(bounds, decisive=False), negated)
            case Within(operand=operand, options=options, negated=negated):
                tests = tuple(self._compare("=", operand, option) for option in options)
                return _negated(_one_of(self.value(operand), options, _logic(tests, decisive=True)), negated)
            case Matches(operand=operand, negated=negated):
                return _negated(_matches(node, self.value(operand), self.text(operand)), negated)
            case IsNull(operand=operand, negated=negated):
                return _negated(_is_null(self.value(operand)), negated)
            case IsTruth(operand=operand, wanted=wanted, negated=negated):
                return _negated(self.truth(operand), wanted is negated)
        return _as_truth(self.value(node), self.text(node))

    def _arithmetic(self, word: Operator, left: Node, right: Node) -> Valued:
        return _arithmetic(word, self.value(left), self.value(right), self.text(left), self.text(right))

    def _compare(self, word: CompareWord, left: Node, right: Node) -> Test:
        return _compare(word, self.value(left), self.value(right), self.text(left), self.text(right))


def _kept(node: Node, compute: Valued) -> Valued:
    """What looks at no row, such as `3 * avg(x)`, is computed once for all rows of a result."""
    if looks_at_row(node):
        return compute

    def run(environment: Environment) -> Value:
        memo = environment.memo
        if run not in memo:
            memo[run] = compute(environment)
        return cast("Value", memo[run])

    return run


def _column(name: str) -> Valued:
    missing = Unknown(f"the result has no column {name}", fault=True)

    def run(environment: Environment) -> Value:
        try:
            return environment.row[name]
        except KeyError:
            return missing

    return run


def _dotted(node: Dotted) -> Valued:
    name = node.name
    if node.space == "params":
        return _param(name)
    if node.space == "previous":
        need = HistoryNeed(Form.PREVIOUS, name)
        return lambda environment: previous(
            environment.past.of(environment.series, need), environment.dimension(name), name
        )
    return _phase(node.space, name)


def _param(name: str) -> Valued:
    missing = Unknown(f"there is no parameter {name}", fault=True)
    key = f"params.{name}"

    def run(environment: Environment) -> Value:
        memo = environment.memo
        if key not in memo:
            memo[key] = param(environment.params[name], name) if name in environment.params else missing
        return cast("Value", memo[key])

    return run


def _phase(space: str, name: str) -> Valued:
    absent = Unknown(f"there is no row {space}")
    missing = Unknown(f"the result {space} has no column {name}", fault=True)

    def run(environment: Environment) -> Value:
        row = environment.before if space == "before" else environment.after
        return absent if row is None else row.get(name, missing)

    return run


def _negative(operand: Valued, text: str) -> Valued:
    def run(environment: Environment) -> Value:
        given = operand(environment)
        return negative(given, text) if isinstance(given, Quantity) else given

    return run


def _no_value(left: Value, right: Value, left_text: str, right_text: str) -> Unknown:
    """Why two operands, of which at least one has no value, give none."""
    unknowns = [
        Unknown(f"{text} is null") if value is None else value
        for value, text in ((left, left_text), (right, right_text))
        if not isinstance(value, Quantity)
    ]
    return merge(unknowns[0], unknowns[-1])


def _arithmetic(word: Operator, left: Valued, right: Valued, left_text: str, right_text: str) -> Valued:
    def run(environment: Environment) -> Value:
        one, other = left(environment), right(environment)
        if type(one) is Quantity and type(other) is Quantity:
            return combine(word, one, other, left_text, right_text)
        return _no_value(one, other, left_text, right_text)

    return run


def _compare(word: CompareWord, left: Valued, right: Valued, left_text: str, right_text: str) -> Test:
    holds = COMPARE[word]

    def run(environment: Environment) -> bool | Unknown:
        one, other = left(environment), right(environment)
        if type(one) is Quantity and type(other) is Quantity:
            if one.dimension is other.dimension or comparable(one.dimension, other.dimension):
                if type(other.value) is Fraction and type(one.value) is int:
                    return holds(one.value * other.value.denominator, other.value.numerator)
                return holds(one.value, other.value)
            return conflict(one.dimension, other.dimension, left_text, right_text)
        return _no_value(one, other, left_text, right_text)

    return run


def _one_of(operand: Valued, options: tuple[Node, ...], slow: Test) -> Test:
    """A quick test when all options are texts."""
    texts = frozenset(
        option.value for option in options if isinstance(option, Literal) and option.dimension is Dimension.TEXT
    )
    if not all(isinstance(option, Literal) and option.value in texts for option in options):
        return slow

    def run(environment: Environment) -> bool | Unknown:
        given = operand(environment)
        if type(given) is Quantity and given.dimension is Dimension.TEXT:
            return given.value in texts
        return slow(environment)

    return run


def _logic(parts: tuple[Test, ...], *, decisive: bool) -> Test:
    """Kleene's `and` (false decides) and `or` (true decides)."""

    def run(environment: Environment) -> bool | Unknown:
        pending: Unknown | None = None
        for part in parts:
            found = part(environment)
            if found is decisive:
                return decisive
            if isinstance(found, Unknown):
                pending = found if pending is None else merge(pending, found)
        return (not decisive) if pending is None else pending

    return run


def _negated(test: Test, negated: bool) -> Test:
    if not negated:
        return test

    def run(environment: Environment) -> bool | Unknown:
        found = test(environment)
        return found if isinstance(found, Unknown) else not found

    return run


def _matches(node: Matches, operand: Valued, text: str) -> Test:
    search = node.pattern.search
    null = Unknown(f"{text} is null")

    def run(environment: Environment) -> bool | Unknown:
        given = operand(environment)
        if not isinstance(given, Quantity):
            return null if given is None else given
        if not isinstance(given.value, str):
            return Unknown(f"{text} is {NAMES[given.dimension]}, and only text matches a pattern", fault=True)
        return search(given.value) is not None

    return run


def _is_null(operand: Valued) -> Test:
    def run(environment: Environment) -> bool | Unknown:
        given = operand(environment)
        if isinstance(given, Unknown):
            return given if given.fault else True
        return given is None

    return run


def _as_value(test: Test) -> Valued:
    def run(environment: Environment) -> Value:
        found = test(environment)
        return found if isinstance(found, Unknown) else Quantity(found, Dimension.BOOL)

    return run


def _as_truth(operand: Valued, text: str) -> Test:
    null = Unknown(f"{text} is null")

    def run(environment: Environment) -> bool | Unknown:
        given = operand(environment)
        if isinstance(given, Quantity):
            if isinstance(given.value, bool):
                return given.value
            return Unknown(f"{text} is {NAMES[given.dimension]}, not a truth value", fault=True)
        return null if given is None else given

    return run
