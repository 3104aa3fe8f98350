"""Where plugins are looked for: built in, installed wheels, and the configured home's own files."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib import import_module
from importlib.machinery import PathFinder, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

from runner.api import PluginError
from runner.plugins.markers import PROJECT
from runner.plugins.registry import BUILT_IN_PLUGIN, describe
from runner.records import dataclass
from runner.version import VERSION

if TYPE_CHECKING:
    from importlib import metadata

_METADATA = (".dist-info", ".egg-info", ".egg")
_SECTION = re.compile(rb"^\s*\[\s*runner\s*\]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plugin that was found; `load` imports it and may raise anything."""

    name: str
    source: str
    load: Callable[[], object]
    version: str = ""


def built_in() -> Candidate:
    return Candidate(BUILT_IN_PLUGIN, "runner itself", lambda: import_module("runner.plugins.builtin"), VERSION)


def installed() -> list[Candidate]:
    """The entry points of the group `runner`, sorted by name; nothing is imported yet."""
    if not may_be_registered(sys.path, sys.meta_path):
        return []
    # It brings a parser of mails and more: twice what the other imports of a small command cost.
    from importlib import metadata

    try:
        points = sorted(metadata.entry_points(group=PROJECT), key=lambda point: (point.name, point.value))
    except Exception as error:
        problem = PluginError(f"the installed distributions cannot be listed: {describe(error)}")
        return [Candidate("(installed)", "installed distributions", partial(_raise, problem))]
    return [Candidate(point.name, *_distribution(point)) for point in points]


def may_be_registered(path: Sequence[str], finders: Iterable[object]) -> bool:
    """Whether a distribution may have entry points of the group: surely none is false, everything unusual is true.

    Packaging User Guide, "Entry points specification": they stand in `entry_points.txt` of the distribution's metadata.
    """
    if any(hasattr(finder, "find_distributions") and finder is not PathFinder for finder in finders):
        return True
    return any(map(_registers_in, dict.fromkeys(path)))


def _registers_in(folder: str) -> bool:
    try:
        entries = [entry for entry in os.scandir(folder or ".") if entry.name.endswith(_METADATA)]
        return any(_registers(f"{entry.path}/entry_points.txt") for entry in entries)
    except NotADirectoryError:
        return True
    except OSError:
        return False


def _registers(file: str) -> bool:
    if ".egg" in file and ".egg-info" not in file:
        return True
    try:
        with open(file, "rb") as text:
            return _SECTION.search(text.read()) is not None
    except FileNotFoundError:
        return False
    except OSError:
        return True


def in_folder(folder: Path, uid: int) -> list[Candidate]:
    """The `*.py` files of the home's plugin folder, sorted; a leading underscore means not a plugin."""
    try:
        files = sorted(path for path in folder.glob("*.py") if not path.name.startswith("_"))
    except OSError:
        return []
    return [Candidate(path.stem, str(path), partial(_load_file, path, uid)) for path in files]


def _load_file(path: Path, uid: int) -> object:
    if uid == 0:
        for checked in (path.parent, path):
            _check_safe_for_root(checked)
    digest = hashlib.sha256(str(path).encode("utf-8", "surrogateescape")).hexdigest()[:8]
    name = f"_runner_home_{digest}_{path.stem}"
    spec = spec_from_file_location(name, path, loader=_Source(name, str(path)))
    if spec is None or spec.loader is None:
        raise PluginError("is not a Python file")
    module = module_from_spec(spec)
    # Dataclasses with postponed annotations look their module up by name while it is being executed.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


class _Source(SourceFileLoader):
    """Leaves no bytecode in the home: a folder that changes while it is read looks edited to the quiet path."""

    def set_data(self, path: str, data: object, *, _mode: int = 0o666) -> None:
        """Writes nothing."""


def _check_safe_for_root(path: Path) -> None:
    status = path.stat()
    if status.st_uid != 0:
        raise PluginError(f"root does not run {path}, which another user owns", hint=f"sudo chown root {path}")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PluginError(f"root does not run {path}, which others may write", hint=f"sudo chmod go-w {path}")


def _distribution(point: metadata.EntryPoint) -> tuple[str, Callable[[], object], str]:
    dist = point.dist
    return (dist.name, point.load, dist.version) if dist is not None else (point.value, point.load, "")


def _raise(error: Exception) -> object:
    raise error
