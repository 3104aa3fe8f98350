"""Targets that stand elsewhere than in runner.yaml: where they come from, and what is known of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime, timedelta

from runner.model.diagnostic import BUILT_IN, Span
from runner.model.quantity import counted
from runner.model.secret import Secret
from runner.model.target import DatabaseFilter, Target
from runner.records import dataclass

_WAVERING = 30.0
"""Seconds by which a source is read early: cron's minutes waver, and a change must not wait for one more of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSource:
    """One entry of `targets_from:`; `refresh` and `timeout` in seconds, `defaults` under what the source says."""

    name: str
    type: str
    options: Mapping[str, object] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    defaults: Target = Target(name="", options={})
    refresh: float = 60.0
    timeout: float = 10.0
    may_be_empty: bool = False
    span: Span = BUILT_IN


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTarget:
    """One target as its source gave it. `options` are libpq's keywords as texts, passwords among them."""

    name: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)
    databases: DatabaseFilter | None = None
    params: Mapping[str, object] = field(default_factory=dict)
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """Targets that a source named no more, and when that was noticed."""

    at: datetime
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """What is known of one source: its targets when it was last `read`, and why it could not be read since.

    `digest` is that of its entry in runner.yaml, `marks` say in which state its files were.
    """

    name: str
    digest: str = ""
    read: datetime | None = None
    tried: datetime | None = None
    failed: str = ""
    hint: str = ""
    complaints: tuple[str, ...] = ()
    targets: tuple[FoundTarget, ...] = ()
    gone: tuple[Gone, ...] = ()
    marks: Mapping[str, str] = field(default_factory=dict)

    @property
    def trouble(self) -> str:
        """What is wrong in one sentence; empty when the source was read and all of it could be used."""
        if self.failed:
            return self.failed
        more = f", and {len(self.complaints) - 1} more" if len(self.complaints) > 1 else ""
        return f"{self.complaints[0]}{more}" if self.complaints else ""

    @property
    def in_use(self) -> str:
        """Which of its targets are used although it cannot be read; empty when it never was."""
        if not self.read:
            return ""
        return f"{counted(len(self.targets), 'target')} known at {self.read:%Y-%m-%d %H:%M} UTC in use"

    def next_try(self, refresh: float) -> datetime | None:
        """When the source is to be read again; None when it was never tried."""
        return self.tried + timedelta(seconds=max(refresh - _WAVERING, refresh / 2)) if self.tried else None


def states_of(
    sources: Iterable[TargetSource], states: Iterable[SourceState]
) -> tuple[tuple[TargetSource, SourceState], ...]:
    """Each source with what is known of it, which may be nothing."""
    known = {state.name: state for state in states}
    return tuple((source, known.get(source.name, SourceState(name=source.name))) for source in sources)


def target_of(found: FoundTarget, source: TargetSource, secret_keywords: frozenset[str]) -> Target:
    """The target to connect to: what the source says over its defaults; the entry's labels over the source's."""
    options = {
        key: Secret(value) if key in secret_keywords else value for key, value in found.options.items()
    }  # fmt: skip
    return Target(
        name=found.name,
        options={**source.defaults.options, **options},
        labels={**found.labels, **source.labels},
        databases=found.databases or source.defaults.databases,
        params={**source.defaults.params, **found.params},
        span=source.span,
        source=source.name,
    )
