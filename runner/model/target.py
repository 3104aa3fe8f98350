"""What we connect to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from fnmatch import fnmatchcase

from runner.model.diagnostic import BUILT_IN, Span
from runner.model.secret import Secret
from runner.records import dataclass

HOST = ""
"""The target name of jobs that need no server: commands, and probes of the host itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFilter:
    """Patterns of the databases that `for_each: database` visits."""

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()

    def admits(self, name: str) -> bool:
        included = any(fnmatchcase(name, pattern) for pattern in self.include)
        return included and not any(fnmatchcase(name, pattern) for pattern in self.exclude)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One server to connect to. `options` are libpq's keywords; secrets among them stay secrets."""

    name: str
    options: Mapping[str, str | Secret]
    labels: Mapping[str, str] = field(default_factory=dict)
    databases: DatabaseFilter = DatabaseFilter()
    params: Mapping[str, object] = field(default_factory=dict)
    span: Span = BUILT_IN
    source: str = ""
    """The entry of `targets_from:` that named it; empty for targets of runner.yaml and of the environment."""

    @property
    def address(self) -> str:
        """host:port/database for people; never a password."""
        host = self.options.get("host") or self.options.get("hostaddr") or "(libpq's default)"
        port = self.options.get("port")
        database = self.options.get("dbname") or ""
        return f"{host}{f':{port}' if port else ''}/{database}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Which targets a job, route or silence means: names or patterns, and labels that must all agree."""

    names: tuple[str, ...] = ("*",)
    labels: Mapping[str, str] = field(default_factory=dict)

    def admits(self, target: Target) -> bool:
        named = any(fnmatchcase(target.name, pattern) for pattern in self.names)
        return named and all(target.labels.get(key) == value for key, value in self.labels.items())
