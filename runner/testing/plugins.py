"""The contract of a plugin as tests, and of a check pack: inherit one and name the plugin or the pack."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from runner.api import CheckPack
from runner.plugins.host import PluginHost
from runner.plugins.registry import Registry, resolve
from runner.testing.home import RunnerHome

_FACTORIES = ("open", "render", "read", "run", "converse", "spec", "fetch", "load")


class PluginContract:
    """What every plugin must keep to; `plugin` is the module that the entry point names."""

    plugin: object
    name = "under-test"
    imports = 40
    """Modules that its import may bring in beside those of `runner.api`; urllib.request alone brings 50."""

    def host(self) -> PluginHost:
        """A host that knows the built-ins and this plugin."""
        return PluginHost({"RUNNER_PLUGINS": self.name}, objects={self.name: self.plugin})

    def registered(self) -> Registry:
        """What the built-ins and this plugin register."""
        return self.host().registry()

    def test_it_is_loaded_without_a_fault(self) -> None:
        """Version, hooks and names are as they must be."""
        host = self.host()
        registry = host.registry()
        assert [f"{fault.message} ({fault.hint})" for fault in host.faults] == []
        assert registry.faults == ()

    def test_its_import_is_cheap(self) -> None:
        """It is imported at every tick. What costs time is imported by what does the work: `"module:attribute"`."""
        if not isinstance(self.plugin, ModuleType):
            return
        script = (
            f"import sys, runner.api; before = set(sys.modules); import {self.plugin.__name__}; "
            "print(*sorted(set(sys.modules) - before))"
        )
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        done = subprocess.run(
            [sys.executable, "-c", script], env=environ, check=False, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        found = done.stdout.split()
        assert len(found) <= self.imports, f"it imports {len(found)} modules: {', '.join(found)}"

    def test_hooks_have_no_default_values(self) -> None:
        """An argument with a default value is never passed."""
        found = [
            f"{hook}({name})"
            for hook, function in _hooks(self.plugin)
            for name, parameter in inspect.signature(function).parameters.items()
            if parameter.default is not inspect.Parameter.empty
        ]
        assert found == []

    def test_everything_that_it_names_can_be_loaded(self) -> None:
        """`"module:attribute"` is otherwise looked up on first use, at night."""
        registry = self.registered()
        for (category, thing), owner in registry.owners.items():
            if owner == self.name and category != "packs":
                described = getattr(registry, category)[thing]
                for factory in (getattr(described, name, None) for name in _FACTORIES):
                    if factory is not None:
                        assert callable(resolve(factory))


def _hooks(plugin: object) -> Iterator[tuple[str, Callable[..., Any]]]:
    for name in dir(plugin):
        if name.startswith("runner_") and callable(function := getattr(plugin, name)):
            yield name, function


@dataclass(frozen=True, kw_only=True)
class Tested:
    """One test of one check's `tests:`; `complaints` is empty when it passes, `not_run` says why it was not run."""

    job: str
    name: str
    complaints: tuple[str, ...] = ()
    not_run: str = ""


def run_tests(home: RunnerHome, *names: str) -> tuple[Tested, ...]:
    """Runs the `tests:` of the home's checks, or of those that are named, without a database."""
    called = home.runner("test", "--json", *names)
    assert called.code in {0, 1}, called.err
    return tuple(
        Tested(job=item["job"], name=item["name"], complaints=tuple(item["complaints"]), not_run=item["not_run"])
        for item in called.json()["tests"]
    )


def checks_of(pack: CheckPack) -> tuple[str, ...]:
    """The names of the pack's checks, as its files have them."""
    kinds = PluginHost(os.environ).registry().kinds
    documents = [yaml.safe_load(item.read_text("utf-8")) for item in _files(pack)]
    jobs = [job for document in documents for job in document.get("jobs", [document])]
    return tuple(job[kind] for job in jobs for kind in kinds if kind in job)


def home_of_pack(pack: CheckPack, folder: Path) -> RunnerHome:
    """A home whose catalogue has the pack's files, and one job for each of its checks."""
    home = RunnerHome(folder)
    for item in _files(pack):
        home.write(f"checks.d/catalogue/{item.name}", item.read_text("utf-8"))
    jobs = "".join(f"  - {{use: {name}, schedule: hourly}}\n" for name in checks_of(pack))
    home.write("checks.d/under-test.yaml", f"title: Under test\njobs:\n{jobs}")
    return home


def _files(pack: CheckPack) -> list[Any]:
    return [item for item in pack.root.iterdir() if item.name.endswith(".yaml")]


class CheckPackContract:
    """What every check pack must keep to; `pack` is what its hook returns."""

    pack: CheckPack

    @pytest.fixture
    def home(self, tmp_path: Path) -> RunnerHome:
        """A home that uses every check of the pack."""
        return home_of_pack(self.pack, tmp_path / "home")

    def test_its_files_are_valid(self, home: RunnerHome) -> None:
        """As `runner validate` sees them."""
        called = home.runner("validate")
        assert called.code == 0, called.out + called.err

    def test_its_names_have_a_dot(self) -> None:
        """Names that begin with `pg.`, `host.` and `runner.` belong to runner."""
        names = checks_of(self.pack)
        assert names
        assert [name for name in names if "." not in name or name.startswith(("pg.", "host.", "runner."))] == []

    def test_every_check_has_tests_that_pass(self, home: RunnerHome) -> None:
        """Those that need a database are not run here."""
        found = run_tests(home)
        tested = {item.job for item in found}
        missing = [name for name in checks_of(self.pack) if name.rpartition(".")[2] not in tested]
        assert missing == [], f"checks without `tests:`: {', '.join(missing)}"
        assert [f"{item.job}: {item.name}: {item.complaints}" for item in found if item.complaints] == []
