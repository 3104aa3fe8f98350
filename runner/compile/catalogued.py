"""A check of the catalogue as the job that it would be, without being used by any file."""

from __future__ import annotations

from pathlib import Path

from runner.compile.catalogue import CatalogueEntry
from runner.compile.expand import Source
from runner.compile.jobs import Compiled, compile_job
from runner.config.environment import Environment
from runner.config.interpolate import Interpolator
from runner.config.settings import LoadedSettings
from runner.model.home import Settings
from runner.plugins.registry import Registry


def compile_entry(entry: CatalogueEntry, registry: Registry, settings: Settings, home: Path) -> Compiled:
    """The job under the name that the catalogue has for it; its group is the entry's area."""
    source = Source(
        name=entry.name, kind=entry.kind, group=entry.area, span=entry.span, node=entry.node, order=0
    )  # fmt: skip
    loaded = LoadedSettings(settings=settings, targets={}, environment=Environment())
    interpolator = Interpolator(environment=Environment(), home=home, sources=registry.secret_sources)
    return compile_job(source, registry, loaded, interpolator)
