"""The table of functions: what there is, how it is called, and what it gives."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, Protocol

from runner.records import dataclass


class Group(Enum):
    """What a function looks at."""

    VALUE = "values"
    RESULT = "the whole result"
    HISTORY = "earlier runs"


class FunctionLike(Protocol):
    """A function of a plugin: plain numbers, text and truth values in, one of them out."""

    @property
    def name(self) -> str: ...

    @property
    def call(self) -> Callable[..., object]: ...


@dataclass(frozen=True, slots=True)
class Builtin:
    """A function; `most` is None without an upper bound, `span` is the place of a written duration."""

    name: str
    group: Group
    signature: str
    summary: str
    least: int = 1
    most: int | None = 1
    span: int | None = None


_V, _R, _H = Group.VALUE, Group.RESULT, Group.HISTORY
_TABLE: Final = (
    Builtin("coalesce", _V, "coalesce(x, y, …)", "the first argument that has a value", 2, None),
    Builtin("nullif", _V, "nullif(x, y)", "null when both are equal, else x", 2, 2),
    Builtin("abs", _V, "abs(x)", "the distance from zero"),
    Builtin("round", _V, "round(x, digits)", "the nearest number with so many digits, 0 by default", 1, 2),
    Builtin("floor", _V, "floor(x)", "the whole number below"),
    Builtin("ceil", _V, "ceil(x)", "the whole number above"),
    Builtin("least", _V, "least(x, y, …)", "the smallest argument", 2, None),
    Builtin("greatest", _V, "greatest(x, y, …)", "the largest argument", 2, None),
    Builtin("lower", _V, "lower(text)", "in small letters"),
    Builtin("upper", _V, "upper(text)", "in capital letters"),
    Builtin("trim", _V, "trim(text)", "without the spaces around it"),
    Builtin("length", _V, "length(text)", "how many characters"),
    Builtin("contains", _V, "contains(text, part)", "whether the part occurs in the text", 2, 2),
    Builtin("starts_with", _V, "starts_with(text, part)", "whether the text begins with the part", 2, 2),
    Builtin("ends_with", _V, "ends_with(text, part)", "whether the text ends with the part", 2, 2),
    Builtin("age", _V, "age(time)", "how long ago that was"),
    Builtin("sum", _R, "sum(x)", "the total; 0 without rows"),
    Builtin("avg", _R, "avg(x)", "the mean; unknown without rows"),
    Builtin("min", _R, "min(x)", "the smallest; unknown without rows"),
    Builtin("max", _R, "max(x)", "the largest; unknown without rows"),
    Builtin("count", _R, "count(condition)", "how many rows fulfil it"),
    Builtin("any", _R, "any(condition)", "whether some row fulfils it"),
    Builtin("all", _R, "all(condition)", "whether every row fulfils it; true without rows"),
    Builtin("delta", _H, "delta(x)", "x now minus x in the last run"),
    Builtin("rate", _H, "rate(x, per)", "the growth of a counter per second, or per the given time", 1, 2, 1),
    Builtin("growth", _H, "growth(x, ago)", "the relative change since the last run, or since about so long ago", 1, 2, 1),
    Builtin("at", _H, "at(x, ago)", "x about so long ago, off by at most a quarter", 2, 2, 1),
    Builtin("avg_over", _H, "avg_over(x, span)", "the mean over the span before this run", 2, 2, 1),
    Builtin("min_over", _H, "min_over(x, span)", "the smallest in the span before this run", 2, 2, 1),
    Builtin("max_over", _H, "max_over(x, span)", "the largest in the span before this run", 2, 2, 1),
    Builtin("median_over", _H, "median_over(x, span)", "the middle value of the span before this run", 2, 2, 1),
    Builtin("stddev_over", _H, "stddev_over(x, span)", "the sample standard deviation; from 2 samples", 2, 2, 1),
    Builtin("count_over", _H, "count_over(x, span)", "how many values there are in the span; 0 without history", 2, 2, 1),
    Builtin("zscore", _H, "zscore(x, span)", "how unusual x is beside the span before; from 8 samples", 2, 2, 1),
    Builtin("changed", _H, "changed(x)", "whether x differs from the last run"),
    Builtin("eta", _H, "eta(x, limit, span)", "time until x reaches the limit on its trend, over 7d by default", 2, 3, 2),
)  # fmt: skip

FUNCTIONS: Final[dict[str, Builtin]] = {function.name: function for function in _TABLE}
ELSEWHERE: Final = {
    "mean": "avg", "average": "avg", "minimum": "min", "maximum": "max", "len": "length", "char_length": "length",
    "ceiling": "ceil", "ifnull": "coalesce", "nvl": "coalesce", "isnull": "coalesce", "diff": "delta",
    "stddev": "stddev_over", "median": "median_over", "increase": "delta", "every": "all", "some": "any",
    "predict": "eta", "forecast": "eta", "since": "age", "startswith": "starts_with", "endswith": "ends_with",
}  # fmt: skip
