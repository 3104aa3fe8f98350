"""What plugins can offer beside sinks, formats, kinds of jobs and probes; `runner.api` has all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

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
