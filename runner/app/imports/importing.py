"""`runner import`: from files of other tools to a file of checks.d/, and a list of what is not carried over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runner.app.catalogue.entries import catalogue_of
from runner.app.imports.convert import Plan, convert
from runner.app.imports.pgwatch import read_pgwatch
from runner.app.imports.places import as_targets
from runner.app.imports.readers import Lost, Reading, Source, read, recognise
from runner.app.loading import Loaded
from runner.app.new import Made, Place, Wish
from runner.config.files import read_text
from runner.errors import UsageError
from runner.records import dataclass

GROUP = "imported"
_SCHEDULE = "every 5min"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What would be written (None when nothing can be), the names of the jobs, and everything else to tell.

    `lacking` are lines for runner.yaml, `notes` say in what the checks differ from what they stand for.
    """

    made: Made | None
    names: tuple[str, ...]
    lost: tuple[Lost, ...]
    lacking: tuple[str, ...]
    notes: tuple[str, ...]


def import_files(loaded: Loaded, files: Sequence[Path], *, source: Source | None, group: str = "") -> Imported:
    """Reads every file and converts what is in it. Raises UsageError for a file that cannot be read."""
    home = loaded.home
    plan = Plan(
        targets=home.targets,
        catalogue=frozenset(catalogue_of(loaded).entries),
        taken={*(job.name for job in home.jobs), *home.broken},
    )
    reading = Reading()
    for path in files:
        text = _text(path)
        kind = source or recognise(text)
        if kind == "pgwatch":
            read_pgwatch(str(path), text, plan)
        else:
            read(str(path), text, kind, reading)
    for call in reading.calls:
        convert(call, plan)
    names = tuple(lines[0].removeprefix("check: ") for lines in plan.jobs)
    return Imported(
        made=_made(loaded, plan, names, group) if names else None,
        names=names,
        lost=tuple(sorted(dict.fromkeys((*reading.lost, *plan.lost)), key=lambda item: item.span)),
        lacking=tuple(as_targets(plan.lacking)) if plan.lacking else (),
        notes=tuple(plan.notes),
    )


def _made(loaded: Loaded, plan: Plan, names: Sequence[str], group: str) -> Made:
    place = Place(loaded, Wish(name=names[0], group=group or GROUP))
    if not group and not place.is_new:
        raise UsageError(
            f"checks.d/{GROUP}.yaml is there already, and is never overwritten",
            hint=f"add to it with --into {GROUP}, or name another file",
        )
    own = "" if place.is_new or place.has_schedule else _SCHEDULE
    jobs = [_scheduled(lines, own) for lines in plan.jobs]
    title = (group or GROUP).replace("-", " ").capitalize()
    return place.made_of(jobs, (f"title: {title}", f"schedule: {_SCHEDULE}"))


def _scheduled(lines: list[str], schedule: str) -> list[str]:
    has_own = any(line.startswith("schedule:") for line in lines)
    return lines if has_own or not schedule else [lines[0], f"schedule: {schedule}", *lines[1:]]


def _text(path: Path) -> str:
    file = read_text(path, str(path))
    if file.text is None:
        raise UsageError(f"{path}: {file.diagnostics[0].message}", hint=file.diagnostics[0].hint)
    return file.text
