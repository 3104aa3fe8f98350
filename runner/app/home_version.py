"""What tells two copies of a home apart: a digest of what says which jobs there are and what they do."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

from runner import gate
from runner.app.loading import Loaded
from runner.config.files import JOBS_FOLDER, SETTINGS_FILE
from runner.version import VERSION

_FOLDERS: Final = ((JOBS_FOLDER, "*"), ("plugins", "*.py"), ("templates", "*"))


def version_of(loaded: Loaded) -> str:
    """The same on every host with this runner, these plugins and the same files, wherever the home is.

    Files with secrets and lists of targets do not count: they may be each host's own.
    """
    home = loaded.home.path
    plugins = [f"{plugin.name} {plugin.version} {plugin.status.value}" for plugin in loaded.host.plugins]
    digest = sha256("\0".join([VERSION, *sorted(plugins)]).encode())
    for path in _files(home):
        data = path.read_bytes()
        digest.update(f"\0{path.relative_to(home)}\0{len(data)}\0".encode(errors="surrogateescape") + data)
    return digest.hexdigest()[:16]


def marks_of(home: Path) -> tuple[str, ...]:
    """Changes when one of the files does; costs a look at each."""
    return tuple(f"{path}\t{gate.mark_of(str(path))}" for path in _files(home))


def _files(home: Path) -> Iterator[Path]:
    settings = home / SETTINGS_FILE
    if settings.is_file():
        yield settings
    for folder, pattern in _FOLDERS:
        yield from sorted(path for path in (home / folder).rglob(pattern) if path.is_file())
