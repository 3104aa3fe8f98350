"""What can be proved about conditions without data: that some of them never hold together.

A condition becomes a list of cases; a case says for each **term** (a column, or a larger value by its text) in which
region it must lie. Constants are exact numbers in base units. Whatever is not understood is a term of its own that is
true or false, so that the answer errs only towards "possible".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Final, TypeAlias, cast

from runner.expr import Environment, Expression, Quantity, truth, value
from runner.expr.tree import (
    Between,
    Call,
    Compare,
    CompareWord,
    Dotted,
    Literal,
    Logic,
    Name,
    Node,
    Not,
    PercentOf,
    RowCount,
    Within,
    children,
)
from runner.model.quantity import Dimension
from runner.records import dataclass

End: TypeAlias = tuple["Fraction | float", int]
"""A number and -1, 0 or 1: just below it, itself, just above it. So open and closed ends compare as tuples."""
Region: TypeAlias = tuple[tuple[End, End], ...]
"""Disjoint intervals, ascending, both ends included."""
Case: TypeAlias = Mapping[str, Region]

_LOWEST: Final[End] = (float("-inf"), 0)
_HIGHEST: Final[End] = (float("inf"), 0)
_EVERYTHING: Final[Region] = ((_LOWEST, _HIGHEST),)
_NOTHING: Final[Region] = ()
_NOT_NEGATIVE: Final[Region] = (((Fraction(0), 0), _HIGHEST),)
_MOST_CASES = 200
_FLIPPED: Final[dict[CompareWord, CompareWord]] = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "=": "=", "!=": "!="}
_LOOKING: Final = (Name, Dotted, RowCount, Call)
_COUNTS: Final = frozenset({"count", "count_over", "length"})
_FAMILY: Final = {Dimension.BYTES: Dimension.NUMBER}
"""Numbers and sizes may be compared with each other; a number means bytes."""


@dataclass(frozen=True, slots=True)
class Claim:
    """That an expression is true, or that it is false."""

    expression: Expression
    holds: bool = True


class _TooManyError(Exception):
    """There are more cases than are worth looking at."""


def contradict(*claims: Claim) -> bool:
    """Whether it is certain that no row makes all claims hold at once."""
    try:
        groups = [_cases_of(claim) for claim in claims]
        return not (_all(groups) if len(groups) > 1 else groups[0])
    except _TooManyError:
        return False


def _cases_of(claim: Claim) -> list[Case]:
    """The cases of a whole expression, found once: advice looks at the same thresholds from several sides."""
    expression, name = claim.expression, f"cases {claim.holds}"
    if name not in expression.derived:
        expression.derived[name] = _cases(expression.text, expression.tree, claim.holds)
    return cast("list[Case]", expression.derived[name])


def _cases(text: str, node: Node, wanted: bool) -> list[Case]:
    """The cases in which a condition is true (or false); none means never."""
    match node:
        case Not(operand=operand):
            return _cases(text, operand, not wanted)
        case Logic(operator=word, parts=parts):
            found = [_cases(text, part, wanted) for part in parts]
            return _all(found) if (word == "and") is wanted else _any(found)
        case _ if not _looks_at_something(node):
            return [{}] if truth(_part(text, node), Environment()) is wanted else []
    term, region = _atom(text, node)
    region = region if wanted else _outside(region)
    region = _both(region, _NOT_NEGATIVE) if _is_count(node) else region
    return [{term: region}] if region else []


def _all(groups: Iterable[list[Case]]) -> list[Case]:
    cases: list[Case] = [{}]
    for group in groups:
        if len(cases) * len(group) > _MOST_CASES:
            raise _TooManyError
        cases = [joined for left, right in product(cases, group) if (joined := _joined(left, right)) is not None]
    return cases


def _any(groups: Iterable[list[Case]]) -> list[Case]:
    return [case for group in groups for case in group]


def _joined(left: Case, right: Case) -> Case | None:
    """Both cases at once, None when a term cannot lie in both regions."""
    found = dict(left)
    for term, region in right.items():
        found[term] = _both(found[term], region) if term in found else region
        if not found[term]:
            return None
    return found


def _atom(text: str, node: Node) -> tuple[str, Region]:
    """The term that a comparison is about, and the region in which it is true."""
    match node:
        case Compare(operator=word, left=left, right=right):
            if (found := _constant(text, right)) is not None and _is_ordered(found, word):
                return _about(text, left, found, _region(word, found[0]))
            if (found := _constant(text, left)) is not None and _is_ordered(found, word):
                return _about(text, right, found, _region(_FLIPPED[word], found[0]))
            if isinstance(right, PercentOf) and _key(text, left) == _key(text, right.whole):
                return _share_of_itself(text, word, left, right.share)
        case Between(operand=operand, low=low, high=high, negated=negated):
            ends = _constant(text, low), _constant(text, high)
            if ends[0] and ends[1] and ends[0][1] is ends[1][1] is not Dimension.TEXT:
                region = _both(_region(">=", ends[0][0]), _region("<=", ends[1][0]))
                return _about(text, operand, ends[0], _outside(region) if negated else region)
        case Within(operand=operand, options=options, negated=negated):
            found_all = [_constant(text, option) for option in options]
            known = [found for found in found_all if found is not None]
            if len(known) == len(options) and len({dimension for _, dimension in known}) == 1:
                outside = _EVERYTHING
                for number, _ in known:
                    outside = _both(outside, _region("!=", number))
                return _about(text, operand, known[0], outside if negated else _outside(outside))
    return f"? {_key(text, node)}", _region("=", Fraction(1))


def _is_ordered(constant: tuple[Fraction, Dimension], word: CompareWord) -> bool:
    """The numbers that stand for texts have another order than the texts."""
    return constant[1] is not Dimension.TEXT or word in {"=", "!="}


def _about(text: str, node: Node, constant: tuple[Fraction, Dimension], region: Region) -> tuple[str, Region]:
    return f"{constant[1].value} {_key(text, node)}", region


def _share_of_itself(text: str, word: CompareWord, node: Node, share: Literal) -> tuple[str, Region]:
    """`x > 120% of x`: no value above zero can be, and nobody means the others."""
    missing = 1 - Fraction(share.value) if isinstance(share.value, (int, Decimal)) else Fraction(0)
    if not missing:
        region = _EVERYTHING if word in {">=", "<=", "="} else _NOTHING
    elif missing < 0 and word in {">", ">="}:
        region = _NOTHING
    else:
        region = _region(word if missing > 0 else _FLIPPED[word], Fraction(0))
    return f"{Dimension.NUMBER.value} {_key(text, node)}", region


def _constant(text: str, node: Node) -> tuple[Fraction, Dimension] | None:
    """The exact number of a value that looks at nothing; texts get one that no other text has."""
    if _looks_at_something(node):
        return None
    found = value(_part(text, node), Environment())
    if not isinstance(found, Quantity):
        return None
    match found.value:
        case str() as word:
            return Fraction(int.from_bytes(b"\1" + word.encode("utf-8", "replace"))), found.dimension
        case bool() as flag:
            return Fraction(flag), found.dimension
        case int() | Fraction() as number:
            return Fraction(number), _FAMILY.get(found.dimension, found.dimension)
        case Decimal() as number if number.is_finite():
            return Fraction(number), _FAMILY.get(found.dimension, found.dimension)
    return None


def _looks_at_something(node: Node) -> bool:
    if isinstance(node, (Literal, *_LOOKING)):
        return not isinstance(node, Literal)
    return any(map(_looks_at_something, children(node)))


def _is_count(node: Node) -> bool:
    """Whether a comparison is about something that cannot be negative."""
    compared = _compared(node)
    return isinstance(compared, RowCount) or (isinstance(compared, Call) and compared.name in _COUNTS)


def _compared(node: Node) -> Node | None:
    match node:
        case Compare(left=left, right=right):
            return left if _looks_at_something(left) else right
        case Between(operand=operand) | Within(operand=operand):
            return operand
    return None


def _part(text: str, node: Node) -> Expression:
    return Expression(text, node)


def _key(text: str, node: Node) -> str:
    """The text of a node; how many spaces there are makes no difference."""
    return " ".join(text[node.start : node.end].split())


def _region(word: CompareWord, number: Fraction) -> Region:
    match word:
        case ">":
            return (((number, 1), _HIGHEST),)
        case ">=":
            return (((number, 0), _HIGHEST),)
        case "<":
            return ((_LOWEST, (number, -1)),)
        case "<=":
            return ((_LOWEST, (number, 0)),)
        case "=":
            return (((number, 0), (number, 0)),)
    return _outside(_region("=", number))


def _both(left: Region, right: Region) -> Region:
    found = ((max(first[0], second[0]), min(first[1], second[1])) for first in left for second in right)
    return tuple(sorted((low, high) for low, high in found if low <= high))


def _outside(region: Region) -> Region:
    return tuple(_gaps(region))


def _gaps(region: Region) -> Iterator[tuple[End, End]]:
    start = _LOWEST
    for low, high in region:
        # The ends of everything are always these two; comparing exact numbers takes long.
        if low is not _LOWEST:
            end = (low[0], low[1] - 1)
            if start <= end:
                yield start, end
        if high is _HIGHEST:
            return
        start = (high[0], high[1] + 1)
    yield start, _HIGHEST
