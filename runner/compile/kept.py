"""Compiled jobs, kept in the state folder: a home in which nothing changed is not compiled again by the next tick.

The file is JSON, and it is used only when it was made from the very same bytes: of the program, of every file of jobs
and of the catalogue, and of the settings. What could depend on anything else is not kept.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import runner
from runner.compile.catalogue import catalogue_sources
from runner.config.files import SETTINGS_FILE, job_files
from runner.config.interpolate import INTERPOLATED_KEYS
from runner.config.private_file import read_private, write_private
from runner.config.settings import LoadedSettings, load_settings
from runner.errors import PluginError
from runner.expr import Expression, parse
from runner.model.codec import decode, encode, teach
from runner.model.diagnostic import Severity
from runner.model.home import Home
from runner.model.job import Job
from runner.model.node import MappingNode, plain
from runner.plugins.registry import BUILT_IN_PLUGIN, Registry, resolve
from runner.records import dataclass

FILE: Final = "plan.json"
_ABOUT_JOBS: Final = frozenset({"kinds", "probes", "functions"})

teach(Expression, lambda expression: expression.text, parse)
teach(re.Pattern, lambda pattern: pattern.pattern, lambda text: re.compile(text, re.MULTILINE))


def load_kept(path: Path, registry: Registry, environ: Mapping[str, str], loaded: LoadedSettings | None = None) -> Home:
    """As `load_home`, from the kept jobs when they are of these files; without texts and places for complaints."""
    loaded = loaded or load_settings(path, registry, environ)
    mark = _mark(path, loaded, registry)
    home = _restored(path, loaded, registry, mark) if mark else None
    if home is not None:
        return home
    # Only now, because what compiles takes longer to import than the rest to run.
    from runner.compile.home import load_home

    home = load_home(path, registry, environ, loaded)
    # A file that was edited meanwhile may have been read before or after.
    if mark and mark == _mark(path, loaded, registry):
        with suppress(OSError, ValueError, PluginError):
            _keep(home, registry, mark)
    return home


def _mark(path: Path, loaded: LoadedSettings, registry: Registry) -> str:
    """A digest of all that compiling looks at; empty when plugins have a hand in it, or a file cannot be read."""
    if any(category in _ABOUT_JOBS and owner != BUILT_IN_PLUGIN for (category, _), owner in registry.owners.items()):
        return ""
    digest = sha256(program_mark().encode())
    declared = {name: sorted(names) for name, names in loaded.declared.items()}
    targets = {name: [target.labels, target.params] for name, target in loaded.targets.items()}
    said = [str(path), encode(loaded.settings), plain(loaded.defaults), declared, targets]
    digest.update(json.dumps(encode(said), sort_keys=True).encode())
    try:
        for file in _files(path, registry):
            data = file.read_bytes()
            digest.update(f"\0{file}\0{len(data)}\0".encode(errors="surrogateescape") + data)
    except OSError:
        return ""
    return digest.hexdigest()


def program_mark() -> str:
    """The modules of runner with their times, so that an update without a new version is noticed as well."""
    found = sorted(_modules(str(Path(runner.__file__).parent)))
    return "\n".join(f"{name} {status.st_mtime_ns} {status.st_size}" for name, status in found)


def _modules(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".py"):
                yield entry.path, entry.stat()
            elif "." not in entry.name and entry.name != "__pycache__" and entry.is_dir():
                yield from _modules(entry.path)


def _files(path: Path, registry: Registry) -> Iterator[Path]:
    settings = path / SETTINGS_FILE
    if settings.exists():
        yield settings
    yield from job_files(path)[0]
    for _, files in catalogue_sources(path, registry):
        yield from files


# ---- writing


def _keep(home: Home, registry: Registry, mark: str) -> None:
    """Writes the file when every job comes back from it as it was; a reference to the environment may not."""
    if home.errors or home.broken or any(map(_refers_to_environment, home.jobs)):
        return
    jobs = [_bare(job) for job in home.jobs]
    kept = {
        "mark": mark,
        "groups": dict(home.groups),
        "files": list(map(str, home.files)),
        "jobs": [encode(job) for job in jobs],
    }
    text = json.dumps(kept, ensure_ascii=False)
    if _jobs(json.loads(text)["jobs"], registry) == jobs:
        write_private(home.state_dir / FILE, text)


def _refers_to_environment(job: Job) -> bool:
    node = job.documented.get("node")
    values = (plain(node.get(key)) for key in INTERPOLATED_KEYS) if isinstance(node, MappingNode) else ()
    return any("${" in json.dumps(value) for value in values)


def _bare(job: Job) -> Job:
    """Without what only complaints and explanations need."""
    return replace(job, documented={}, origins={})


# ---- reading


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the file says: jobs of the files that the mark is of."""

    mark: str
    groups: Mapping[str, str]
    files: tuple[Path, ...]
    jobs: tuple[Job, ...]


_in_memory: list[_Kept] = []
"""At most one, of a process whose forks run ticks."""


def keep_in_memory(path: Path, registry: Registry, environ: Mapping[str, str]) -> None:
    """For the forks of this process: they read the file no more while nothing changes."""
    loaded = load_settings(path, registry, environ)
    mark = _mark(path, loaded, registry)
    _in_memory[:] = [found] if mark and (found := _found(path, registry, mark)) else []


def _restored(path: Path, loaded: LoadedSettings, registry: Registry, mark: str) -> Home | None:
    if any(item.severity is Severity.ERROR for item in loaded.diagnostics):
        return None
    kept = next((item for item in _in_memory if item.mark == mark), None) or _found(path, registry, mark)
    if kept is None:
        return None
    return Home(
        path=path,
        settings=loaded.settings,
        targets=loaded.targets,
        jobs=kept.jobs,
        groups=kept.groups,
        diagnostics=loaded.diagnostics,
        secrets=loaded.secrets,
        files=tuple(dict.fromkeys([*loaded.files, *kept.files])),
        sources=loaded.sources,
    )


def _found(path: Path, registry: Registry, mark: str) -> _Kept | None:
    """What is kept in the state folder, if it is of this mark."""
    try:
        kept = json.loads(read_private(path / ".runner" / FILE))
        if kept["mark"] != mark:
            return None
        jobs = tuple(_jobs(kept["jobs"], registry))
        return _Kept(mark, kept["groups"], tuple(map(Path, kept["files"])), jobs)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, PluginError):
        return None


def _jobs(kept: list[dict[str, Any]], registry: Registry) -> list[Job]:
    """The jobs with their specs as the types that their kinds name. Raises ValueError and KeyError."""
    found = []
    for data in kept:
        job: Job = decode(Job, data)
        kind = registry.kinds[job.kind]
        if kind.spec is None:
            raise ValueError(f"the kind {kind.name} does not say what its specs are")
        found.append(replace(job, spec=decode(resolve(kind.spec), data["spec"])))
    return found
