"""The blocks that a statement went through, as the server tells of it with VERBOSE."""

from __future__ import annotations

import re
from typing import Final

from runner.api import Answer, Rows
from runner.kinds.maintenance.choose import pages_of
from runner.kinds.maintenance.facts import TableFacts
from runner.kinds.maintenance.spec import AnalyzeStep, ReindexStep, VacuumStep, WorkStep
from runner.records import dataclass

BLOCK: Final = 8192
WORTH_TELLING: Final = 1024**2
"""Smaller tables are so quickly done that listening would take a part of the time."""
_USAGE: Final = re.compile(r"^buffer usage: (\d+) hits, (\d+) (?:misses|reads), (\d+) dirtied$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffers:
    """Bytes of the blocks that were found in shared_buffers, read into them, and changed there."""

    hit: int
    read: int
    dirtied: int


def tells_of_buffers(step: WorkStep, table: TableFacts, major: int) -> bool:
    """Whether a server of this version says with VERBOSE what the statement went through, and it is worth its words."""
    if isinstance(step, ReindexStep) or (isinstance(step, VacuumStep) and step.full):
        return False
    known = major >= (18 if isinstance(step, AnalyzeStep) or table.is_parent else 15)
    return known and pages_of(table) * BLOCK >= WORTH_TELLING


def buffers_of(answer: Answer | None) -> Buffers | None:
    """The sum over the table and its TOAST table; None when the server does not tell, or not in English."""
    if not isinstance(answer, Rows):
        return None
    told = [_USAGE.findall(notice.message) for notice in answer.notices if notice.severity == "INFO"]
    sums = [
        sum(int(number) * BLOCK for number in column)
        for column in zip(*(one for each in told for one in each), strict=True)
    ]
    return Buffers(hit=sums[0], read=sums[1], dirtied=sums[2]) if sums else None
