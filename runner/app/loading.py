"""Finds the home, loads its plugins and its jobs: what every command begins with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

from runner.api import Fault
from runner.clock import SystemClock
from runner.collector import many_objects
from runner.compile.kept import load_kept
from runner.config.files import SETTINGS_FILE, find_home
from runner.config.settings import LoadedSettings, load_settings
from runner.config.settings_file import disabled_plugins
from runner.errors import ConfigurationError, StoreError
from runner.model.diagnostic import Diagnostic, Span
from runner.model.home import Home
from runner.model.inventory import SourceState
from runner.model.secret import Secret
from runner.plugins.host import PluginHost
from runner.plugins.registry import Registry
from runner.records import dataclass
from runner.store.open import check_url

Sources: TypeAlias = Literal["known", "due", "anew"]
"""How targets that stand elsewhere are learnt of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A home with its plugins."""

    home: Home
    host: PluginHost
    since: float = 0.0
    """When it began to be read, in epoch seconds of the host's clock."""
    faults: tuple[Fault, ...] = ()
    """Sources of targets that are in trouble; their last known targets are used."""

    @property
    def registry(self) -> Registry:
        return self.host.registry()


def load(
    option: str = "",
    *,
    no_plugins: bool = False,
    kept: bool = False,
    sources: Sources = "known",
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Loaded:
    """Never raises for bad content: that is in the home's diagnostics. Raises ConfigurationError without a home.

    `sources`: whether targets of queries and programs are taken as last known, asked when that is due, or asked anew.
    `kept` takes the jobs as the last tick compiled them when nothing changed: enough to run them, not to explain them.
    """
    since = SystemClock().now().timestamp()
    surroundings = os.environ if environ is None else environ
    choice = find_home(option or None, surroundings, cwd or Path.cwd())
    if not choice.path.is_dir():
        raise ConfigurationError(
            "there is no home here: no runner.yaml or checks.d/ in this folder or above it, and no /etc/runner",
            hint="run `runner init` to make one, or name it with --home DIR",
        )
    host = PluginHost(surroundings, choice.path / "plugins", disabled_plugins(choice.path), no_plugins=no_plugins)
    with many_objects(stay=True):
        settings = load_settings(choice.path, host.registry(), surroundings)
        settings, inventory, faults = _with_sources(settings, host.registry(), choice.path, since, sources)
        home = (load_kept if kept else _compiled)(choice.path, host.registry(), surroundings, settings)
        home = replace(home, inventory=inventory)
    # The library that connects reads this one by itself; it must be masked all the same.
    if password := surroundings.get("PGPASSWORD"):
        home = replace(home, secrets=(*home.secrets, Secret(password)))
    return Loaded(home=_with_store_checked(home), host=host, since=since, faults=faults)


def _with_sources(
    settings: LoadedSettings, registry: Registry, home: Path, now: float, sources: Sources
) -> tuple[LoadedSettings, tuple[SourceState, ...], tuple[Fault, ...]]:
    """The settings with the targets that stand elsewhere, and what is wrong with those who know them."""
    if not settings.settings.targets_from:
        return settings, (), ()
    # What reads them is not needed by homes without any.
    from runner.app.sourcing import faults_of, sourced
    from runner.config.inventory import with_inventory

    moment = datetime.fromtimestamp(now, UTC)
    states = sourced(settings, registry, home, moment, ask=sources != "known", anew=sources == "anew")
    return with_inventory(settings, states, registry, home), states, faults_of(settings.settings.targets_from, states)


def _compiled(path: Path, registry: Registry, environ: Mapping[str, str], settings: LoadedSettings) -> Home:
    # What compiles takes longer to import than a tick needs for the rest.
    from runner.compile.home import load_home

    return load_home(path, registry, environ, settings)


def _with_store_checked(home: Home) -> Home:
    """A store that nobody can open is a mistake of runner.yaml, and better told before the night."""
    try:
        secrets = check_url(home.settings.state, home.path)
    except StoreError as error:
        told = Diagnostic(code="bad-value", span=Span(SETTINGS_FILE), message=error.message, hint=error.hint)
        return replace(home, diagnostics=(told, *home.diagnostics))
    return replace(home, secrets=(*home.secrets, *secrets)) if secrets else home


def require_sound(home: Home) -> None:
    """Raises ConfigurationError with every diagnostic when anything in the home is wrong."""
    errors = home.errors
    if errors:
        count = f"{len(errors)} error{'s' if len(errors) > 1 else ''}"
        raise ConfigurationError(
            f"{count} in {home.path}", diagnostics=home.diagnostics, hint="runner validate shows them again"
        )
