"""A place in a file and a complaint about it."""

from __future__ import annotations

from enum import Enum

from runner.records import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Characters of a file: lines and columns count from 1, the end is exclusive."""

    file: str
    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


BUILT_IN = Span("(built in)")


class Severity(Enum):
    """An error stops the job from being used; a warning is advice."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """A complaint: `message` is one sentence, `hint` can be pasted, `code` has a page."""

    code: str
    span: Span
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR
