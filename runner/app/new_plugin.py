"""`runner new plugin`: a distribution of its own with one sink, format, probe, kind of job or check pack."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Final

from runner.app.scaffold import common, format as format_text, kind, pack, probe, sink
from runner.errors import RunnerError, UsageError
from runner.records import dataclass
from runner.version import VERSION

SORTS: Final[Mapping[str, ModuleType]] = {
    "sink": sink,
    "format": format_text,
    "probe": probe,
    "kind": kind,
    "pack": pack,
}
"""What a new plugin can have, by the word of the command line."""

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*(?:\.[a-z][a-z0-9]*(?:-[a-z0-9]+)*)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """A folder that is to be made, and its files by their paths in it."""

    folder: Path
    files: Mapping[str, str]

    def write(self) -> None:
        """Makes the folder; raises UsageError when it is there, RunnerError when it cannot be made."""
        try:
            self.folder.mkdir(parents=True)
            for name, text in self.files.items():
                path = self.folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        except FileExistsError:
            raise UsageError(
                f"{self.folder} is there already, and is never overwritten", hint="choose another name, or --into DIR"
            ) from None
        except OSError as error:
            raise RunnerError(f"{error.filename} cannot be written: {error.strerror}") from error


def new_plugin(name: str, sort: str, into: Path) -> Distribution:
    """The distribution of a plugin such as `acme.teams`. Raises UsageError for a name that cannot be."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"`{name}` is no name for a plugin: it has small letters, digits and `-`, and a dot behind whose it is",
            hint="runner new plugin acme.teams --sink",
        )
    words, text = _words(name, sort), SORTS[sort]
    package = words["package"]
    own = {f"{package}/{words['module']}.py": text.MODULE} if sort != "pack" else {
        f"{package}/checks/{words['word']}.yaml": pack.CHECKS
    }  # fmt: skip
    files = {
        "pyproject.toml": common.PYPROJECT,
        "README.md": common.README,
        ".gitignore": common.GITIGNORE,
        f"{package}/__init__.py": text.PACKAGE,
        **own,
        f"tests/test_{words['module']}.py": text.TEST,
    }
    return Distribution(
        folder=into / words["distribution"], files={path: _filled(text, words) for path, text in files.items()}
    )


def _words(name: str, sort: str) -> dict[str, str]:
    word = name.rpartition(".")[2]
    flat = name.replace(".", "-")
    module = word.replace("-", "_")
    return {
        "name": name,
        "word": word,
        "module": module,
        "Class": "".join(part.capitalize() for part in word.split("-")),
        "URL": f"{module.upper()}_URL",
        "plugin": flat,
        "distribution": f"runner-{flat}",
        "package": f"runner_{flat.replace('-', '_')}",
        "summary": SORTS[sort].SUMMARY,
        "use": SORTS[sort].USE,
        "version": VERSION,
    }


def _filled(text: str, words: Mapping[str, str]) -> str:
    # `use` has words of its own.
    text = text.replace("@use@", words["use"])
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text
