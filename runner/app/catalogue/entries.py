"""The checks of the catalogue as this home sees them, and the ones that somebody means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from runner.api import Job
from runner.app.loading import Loaded
from runner.compile.catalogue import PRESET, PRESET_TAGS, Catalogue, CatalogueEntry, load_catalogue
from runner.compile.catalogued import compile_entry
from runner.config.assemble import checks_schema
from runner.config.schema import Checker
from runner.errors import UsageError
from runner.model.node import plain
from runner.model.suggest import did_you_mean
from runner.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A check of the catalogue: as it is written, as the job that it would be, and the presets that have it."""

    entry: CatalogueEntry
    job: Job
    presets: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.entry.name


def catalogue_of(loaded: Loaded) -> Catalogue:
    """The home's own entries, those that come with runner, and those of packs."""
    registry = loaded.registry
    return load_catalogue(loaded.home.path, registry, Checker(checks_schema(registry)))


def known_of(loaded: Loaded) -> tuple[Known, ...]:
    """Every entry that can be used, by area and then in the order of the files."""
    catalogue = catalogue_of(loaded)
    found = []
    for entry in catalogue.entries.values():
        job = compile_entry(entry, loaded.registry, loaded.home.settings, loaded.home.path).job
        if job is not None:
            found.append(Known(entry=entry, job=job, presets=_presets(catalogue, entry)))
    return tuple(sorted(found, key=lambda item: item.entry.area))


def _presets(catalogue: Catalogue, entry: CatalogueEntry) -> tuple[str, ...]:
    return tuple(
        f"{PRESET}{name}"
        for name, patterns in catalogue.presets.items()
        if any(fnmatchcase(entry.name, pattern) for pattern in patterns)
    )


def matching(
    known: Sequence[Known], *, pattern: str = "", area: str = "", tag: str = "", words: str = ""
) -> tuple[Known, ...]:
    """Those that fit all that is given; raises UsageError for a name, area or tag that nobody has.

    `words` are looked for in names, titles, descriptions, tags, columns and rows; every one must be there.
    """
    found = meant(known, pattern) if pattern else tuple(known)
    _there("area", area, {item.entry.area for item in known})
    _there("tag", tag, {tag for item in known for tag in item.entry.tags})
    wanted = words.lower().split()
    return tuple(
        item
        for item in found
        if area in ("", item.entry.area)
        and (not tag or tag in item.entry.tags)
        and all(word in _text(item) for word in wanted)
    )


def meant(known: Sequence[Known], word: str) -> tuple[Known, ...]:
    """The checks of a name (with or without `pg.`), a pattern, or a preset. Raises UsageError when there are none."""
    if word.startswith(PRESET):
        found = [item for item in known if word in item.presets]
        names = {name for item in known for name in item.presets} | {f"{PRESET}{name}" for name in PRESET_TAGS}
        if not found:
            raise _unknown("no preset", word, names)
        return tuple(found)
    whole = tuple(item for item in known if fnmatchcase(item.name, word))
    found = list(whole) or [item for item in known if fnmatchcase(item.entry.short_name, word)]
    if not found:
        raise _unknown("no check in the catalogue that is called", word, _names(known))
    return tuple(found)


def _names(known: Iterable[Known]) -> list[str]:
    return [name for item in known for name in (item.name, item.entry.short_name)]


def _there(what: str, word: str, there: set[str]) -> None:
    if word and word not in there:
        raise _unknown(f"no {what}", word, there)


def _unknown(what: str, word: str, there: Iterable[str]) -> UsageError:
    return UsageError(f"there is {what} `{word}`", hint=did_you_mean(word, there) or "runner catalogue list")


def _text(item: Known) -> str:
    node = item.entry.node
    columns = plain(node.get("columns"))
    parts = [item.name, item.job.title, item.job.description, *item.entry.tags, *item.entry.rows, item.entry.area]
    return " ".join([*parts, *(columns if isinstance(columns, dict) else ())]).lower()
