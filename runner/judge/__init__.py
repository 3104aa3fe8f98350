"""Rows and thresholds to judged rows: pure functions, no input, no output, no clock."""

from __future__ import annotations

from runner.judge.change import by_series, judge_change
from runner.judge.judged import JudgedRow, Judgement
from runner.judge.rows import judge
from runner.judge.rule import Rule, needs

__all__ = ["JudgedRow", "Judgement", "Rule", "by_series", "judge", "judge_change", "needs"]
