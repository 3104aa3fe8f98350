"""Who performs due runs, as runner.yaml says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from runner.model.diagnostic import BUILT_IN, Span
from runner.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorSettings:
    """`queue_by` names the label of targets whose value is the queue; a run that nobody begins within `patience`
    seconds is given up.
    """

    type: str
    options: Mapping[str, object] = field(default_factory=dict)
    queue_by: str = ""
    patience: float = 3600.0
    span: Span = BUILT_IN
