"""`runner init`: writes a home from what is shipped; never overwrites."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from runner.config.files import shipped
from runner.errors import RunnerError
from runner.records import dataclass

# The settings and the example of the environment.
_SINGLE = ("runner.yaml", ".env.example")
_FOLDERS = ("checks.d", "schema")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file of the new home, and whether it was there before."""

    path: Path
    kept: bool


def init(home: Path) -> tuple[Written, ...]:
    """Every shipped file with what became of it; raises RunnerError when the folder cannot be written."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        return tuple(_write(home / name, text) for name, text in _files())
    except OSError as error:
        raise RunnerError(
            f"cannot write {error.filename or home}: {error.strerror}", hint="name another folder: runner init DIR"
        ) from error


def _files() -> Iterator[tuple[str, str]]:
    for name in _SINGLE:
        yield name, shipped(name).read_text(encoding="utf-8")
    for folder in _FOLDERS:
        root = shipped(folder)
        for file in sorted(root.rglob("*")):
            # The catalogue stays in the program, so that it is renewed with it.
            if file.is_file() and "catalogue" not in file.parts:
                yield f"{folder}/{file.relative_to(root)}", file.read_text(encoding="utf-8")


def _write(path: Path, text: str) -> Written:
    if path.exists():
        return Written(path=path, kept=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return Written(path=path, kept=False)
