"""What a tick decides about a job on a target: the verdict, in one sentence why, and what is settled with it."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from runner.engine.passed import Passed
from runner.records import dataclass
from runner.store.base import CursorRecord


class Verdict(Enum):
    """What a tick does with a job on a target."""

    RUN = "run"
    RUN_LATE = "run late"
    MISSED = "missed"
    SKIPPED = "skipped"
    WAITING = "waiting"
    OUTSIDE_WINDOW = "outside its window"
    NOT_DUE = "not due"
    UNSCHEDULED = "unscheduled"
    FIRST_SEEN = "first seen"
    EDITED = "edited"
    CLOCK_BACK = "clock went back"

    @property
    def runs(self) -> bool:
        return self in {Verdict.RUN, Verdict.RUN_LATE}

    @property
    def recorded(self) -> bool:
        """Whether the slot is over without a run, which history must show."""
        return self in {Verdict.MISSED, Verdict.SKIPPED}

    @property
    def waits(self) -> bool:
        """Whether the slot is still owed."""
        return self in {Verdict.WAITING, Verdict.OUTSIDE_WINDOW}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`slot` is what the verdict is about. `cursor` is to be stored together with it; None: leave what is stored.

    `passed` are slots before it that end without a run, to be settled unless the verdict waits. `next` is when there
    is something to decide again; None when never.
    """

    job: str
    target: str
    slot: datetime | None
    verdict: Verdict
    reason: str
    passed: Passed | None = None
    next: datetime | None = None
    cursor: CursorRecord | None = None

    @property
    def missed(self) -> int:
        """How many older slots there were, at most MISSED_CAP."""
        return self.passed.slots if self.passed else 0
