"""The language of thresholds: parsed with positions, checked before use, evaluated with three truth values."""

from __future__ import annotations

from runner.expr.analysis import Analysis, Scope, analyse
from runner.expr.environment import Environment
from runner.expr.evaluate import condition, truth, value
from runner.expr.facts import Facts, facts
from runner.expr.functions import FUNCTIONS, Builtin, FunctionLike, Group
from runner.expr.parser import parse
from runner.expr.problems import CODES
from runner.expr.tree import Expression
from runner.expr.values import (
    NEVER,
    Quantity,
    Unknown,
    Value,
    converter,
    merge,
    quantities,
    quantity,
    recorded,
    text_of,
)
from runner.expr.words import in_words

__all__ = [
    "CODES", "FUNCTIONS", "NEVER", "Analysis", "Builtin", "Environment", "Expression", "Facts", "FunctionLike",
    "Group", "Quantity", "Scope", "Unknown", "Value", "analyse", "condition", "converter", "facts", "in_words", "merge", "parse",
    "quantities", "quantity", "recorded", "text_of", "truth", "value",
]  # fmt: skip
