"""`runner catalogue add`: a file of checks.d/ that takes checks over, with their numbers as comments to change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from runner.app.catalogue.entries import Known, known_of, meant
from runner.app.loading import Loaded
from runner.app.new import Made, Place, Wish
from runner.app.new_text import own_numbers
from runner.app.readable import scalar
from runner.compile.catalogue import short_name
from runner.errors import UsageError
from runner.records import dataclass

_SCHEDULE = "every 5min"


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """The file that would be written, the checks in it, and those of a pattern or preset that the home has already."""

    made: Made
    chosen: tuple[Known, ...]
    there: tuple[str, ...]


def add(loaded: Loaded, words: Sequence[str], *, file: str = "", schedule: str = "") -> Added:
    """What would be written. Raises UsageError for names that are not there or taken."""
    known = known_of(loaded)
    wanted = {item.name: (item, word) for word in words for item in meant(known, word)}
    there = [item for item, word in wanted.values() if not _names_it(item, word) and _is_taken(loaded, item)]
    chosen = tuple(item for item, _ in wanted.values() if item not in there)
    if not chosen:
        raise UsageError("every one of these checks is used here already", hint="runner list")
    _refuse_twins(chosen)
    group = file or _group(words, chosen)
    wish = Wish(name=chosen[0].entry.short_name, schedule=schedule, group=group)
    places = [Place(loaded, replace(wish, name=item.entry.short_name)) for item in chosen]
    if not file and not places[0].is_new:
        raise UsageError(
            f"checks.d/{group}.yaml is there already, and is never overwritten",
            hint=f"add to it with --file {group}, or name another file",
        )
    own = "" if places[0].is_new else schedule or ("" if places[0].has_schedule else _SCHEDULE)
    made = places[0].made_of([list(_job(item, own)) for item in chosen], list(_head(group, schedule)))
    return Added(made=made, chosen=chosen, there=tuple(item.entry.short_name for item in there))


def _names_it(item: Known, word: str) -> bool:
    """Whether the word is this check's name, and not a pattern or preset that has others as well."""
    return word in (item.name, item.entry.short_name)


def _is_taken(loaded: Loaded, item: Known) -> bool:
    name = item.entry.short_name
    return loaded.home.job(name) is not None or name in loaded.home.broken


def _refuse_twins(chosen: Sequence[Known]) -> None:
    names = [item.entry.short_name for item in chosen]
    for item in chosen:
        if names.count(item.entry.short_name) > 1:
            raise UsageError(
                f"two of these checks would both be called `{item.entry.short_name}`",
                hint="add them to two files, and name one with `check:` beside `use:`",
            )


def _group(words: Sequence[str], chosen: Sequence[Known]) -> str:
    """One check's own name, a preset's, the area of several, or a name that says no more."""
    areas = {item.entry.area for item in chosen}
    if len(chosen) == 1:
        return chosen[0].entry.short_name
    if len(words) == 1 and words[0].startswith("preset."):
        return short_name(words[0])
    return areas.pop() if len(areas) == 1 else "checks"


def _head(group: str, schedule: str) -> Iterator[str]:
    yield f"title: {scalar(group.replace('-', ' ').capitalize())}"
    note = "" if schedule else "                 # or `hourly`, `daily at 01:30`, a cron line in quotes"
    yield f"schedule: {scalar(schedule or _SCHEDULE)}{note}"


def _job(item: Known, schedule: str) -> Iterator[str]:
    yield f"use: {item.name}"
    if schedule:
        yield f"schedule: {scalar(schedule)}"
    yield from own_numbers(item.entry)
