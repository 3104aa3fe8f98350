"""The distributions under plugins/."""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from runner.plugins.host import PluginHost

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))


def project(folder: Path) -> dict[str, Any]:
    """What pyproject.toml says of the distribution."""
    return tomllib.loads((folder / "pyproject.toml").read_text())["project"]


def package(folder: Path) -> str:
    return folder.name.replace("-", "_")


def modules() -> dict[str, ModuleType]:
    """Each plugin as its entry point names it."""
    return {
        name: import_module(place)
        for folder in FOLDERS
        for name, place in project(folder)["entry-points"]["runner"].items()
    }


def host() -> PluginHost:
    """A host that knows what is built in and what is shipped."""
    found = modules()
    return PluginHost({"RUNNER_PLUGINS": ",".join(found)}, objects=found)
