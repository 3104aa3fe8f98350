"""`runner validate`: everything that can be said about a home before it is used."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from runner.app.loading import Loaded
from runner.collector import many_objects
from runner.compile.lint import lint
from runner.config.diagnostics import ordered
from runner.model.diagnostic import Diagnostic, Severity
from runner.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """All complaints in the order of the files, and the texts for their source lines."""

    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, str]

    def count(self, severity: Severity) -> int:
        return sum(item.severity is severity for item in self.diagnostics)


def validate(loaded: Loaded, now: datetime, *, connect: bool = False) -> Validation:
    """Errors and advice; with `connect` also what the servers say about the SQL of jobs without errors."""
    home = loaded.home
    with many_objects(stay=True):
        found = [*home.diagnostics, *lint(home, loaded.registry.kinds, now)]
    if connect:
        from runner.app.connect import ask_servers

        found += ask_servers(loaded)
    return Validation(diagnostics=ordered(found), sources=home.sources)
