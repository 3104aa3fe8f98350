"""The pages of a home for its operators: made from what is loaded, so that they cannot say anything else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from runner.app.catalogue.entries import known_of
from runner.app.loading import Loaded, require_sound
from runner.app.pages.catalogue import catalogue_page
from runner.app.pages.procedures import procedures_page
from runner.app.pages.quick import quick_page
from runner.app.pages.schedule import schedule_page
from runner.errors import RunnerError
from runner.model.secret import mask
from runner.records import dataclass

NOTICE = "<!-- Written by `runner docs`. Change the jobs, not this page. -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One file and the text that belongs in it."""

    path: Path
    text: str


def pages(loaded: Loaded, folder: Path, now: datetime | None = None) -> tuple[Page, ...]:
    """The three pages; the same home gives the same text. Next slots are named only when `now` is given.

    Raises ConfigurationError when the home has errors, because a page without the broken jobs would mislead.
    """
    home = loaded.home
    require_sound(home)
    made = {
        "schedule.md": schedule_page(home, loaded.registry.changes_only, now),
        "quick-reference.md": quick_page(home),
        "procedures.md": procedures_page(home, loaded.registry),
    }
    return tuple(
        Page(path=folder / name, text=mask("\n".join((NOTICE, "", *lines)).rstrip("\n") + "\n", home.secrets))
        for name, lines in made.items()
    )


def catalogue_text(loaded: Loaded) -> str:
    """docs/catalogue.md: every check that comes with runner, the same text every time."""
    ours = [item for item in known_of(loaded) if item.entry.source in {"home", "runner"}]
    return "\n".join(catalogue_page(ours)).rstrip("\n") + "\n"


def write(made: Iterable[Page]) -> tuple[Path, ...]:
    """Writes what differs and returns every path. Raises RunnerError when a file cannot be written."""
    paths = []
    for page in made:
        paths.append(page.path)
        if page in differing([page]):
            try:
                page.path.parent.mkdir(parents=True, exist_ok=True)
                page.path.write_text(page.text, encoding="utf-8")
            except OSError as error:
                raise RunnerError(
                    f"cannot write {page.path}: {error.strerror}", hint="name another folder: runner docs --out DIR"
                ) from error
    return tuple(paths)


def differing(made: Iterable[Page]) -> tuple[Page, ...]:
    """The pages that are not on disk as they should be."""
    return tuple(page for page in made if _read(page.path) != page.text)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
