"""What plugins can offer beside sinks, formats, kinds of jobs and probes; `runner.api` has all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from runner.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A pure function for threshold expressions; its arguments and value are plain numbers or text."""

    name: str
    summary: str
    call: Callable[..., object]
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSource:
    """Resolves `${scheme:argument}` to a secret."""

    scheme: str
    read: str | Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPack:
    """A folder of catalogue files inside a wheel (an importlib.resources traversable or a path)."""

    name: str
    version: str
    root: Any
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command of the command line; `load` names a click command as `"module:attr"`."""

    name: str
    summary: str
    load: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One line of `runner doctor`: whether it is well, what was seen, and what to do."""

    good: bool
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorContext:
    """What a doctor check may look at."""

    home: Path
    state_dir: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorCheck:
    """One more thing for `runner doctor` to look at."""

    name: str
    run: str | Callable[[DoctorContext], Iterable[Advice]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One `run-due`."""

    id: str
    now: datetime
    due: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRow:
    """One target as a source names it: `name`, libpq's keywords or `dsn`, `labels` or `label_…`, `params`.

    `where` says where it stands, such as `targets.yaml:3:5`, for complaints about it.
    """

    values: Mapping[str, object]
    where: str = ""


class SourceContext(Protocol):
    """What a source of targets may use."""

    @property
    def home(self) -> Path: ...

    @property
    def timeout(self) -> float:
        """Seconds that reading may take; it is ended then."""

    def ask(self, target: str, sql: str) -> Sequence[Mapping[str, object]]:
        """The rows of a query, asked read-only of a target of `targets:`. Raises TargetError."""

    def listed(self, text: str, name: str) -> Sequence[TargetRow]:
        """The targets that a text in YAML or JSON lists, with their places in it. Raises ConfigurationError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSourceType:
    """A way to learn of targets: `read` is given its options and returns all of them, or raises a RunnerError.

    `watches` are options that name files of the home: such a source is read again when a file changes, and at no other
    time. With `starts_programs` it is refused unless runner.yaml allows its type.
    """

    type: str
    summary: str
    read: str | Callable[[Mapping[str, Any], SourceContext], Iterable[TargetRow]]
    options: Mapping[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    watches: tuple[str, ...] = ()
    starts_programs: bool = False
