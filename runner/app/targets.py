"""`runner targets`: every target, where it is named, and how fresh that is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from runner.api import Target
from runner.app.loading import Loaded
from runner.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One target; `read` is when its source named it last, None for targets of runner.yaml."""

    target: Target
    source: str
    read: datetime | None = None


def listed(loaded: Loaded, labels: Mapping[str, str], source: str = "") -> tuple[Listed, ...]:
    """The targets that have all these labels, by name; `source` limits them to one."""
    read = {state.name: state.read for state in loaded.home.inventory}
    found = [
        Listed(target=target, source=target.source or _own(target), read=read.get(target.source))
        for target in loaded.home.targets.values()
        if all(target.labels.get(key) == value for key, value in labels.items())
    ]
    return tuple(sorted((item for item in found if source in ("", item.source)), key=lambda item: item.target.name))


def _own(target: Target) -> str:
    return "runner.yaml" if target.span.file == "runner.yaml" else "environment"
