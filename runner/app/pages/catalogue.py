"""docs/catalogue.md: what each check of the catalogue means, its thresholds, and what it needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from runner.app.catalogue.entries import Known
from runner.app.pages.kinds import kind_lines
from runner.app.pages.markdown import anchor, code, heading, listed, paragraphs, table, text
from runner.app.pages.procedures import requires_in_words
from runner.compile.catalogue import PRESET, PRESET_TAGS
from runner.kinds.check.spec import CheckSpec
from runner.model.job import Scope
from runner.model.quantity import show_duration

_HEAD = (
    "<!-- Generated. `python .ci/generated.py --write` writes this page from checks.d/catalogue. -->",
    "",
    "A job takes a check over with `use:`, and its own numbers stand beside it ([format.md](format.md#jobs)). Nothing of",
    "the catalogue runs before a file says so. `runner catalogue list`, `show` and `add` are this page on the command line.",
    "The letters with numbers are the rows of the list of checks that the check answers.",
    "",
)
_SCOPES = {
    Scope.HOST: "on the host that runs `runner`",
    Scope.INSTANCE: "once on each server",
    Scope.DATABASE: "in each database",
}


def catalogue_page(known: Sequence[Known]) -> list[str]:
    """The page's lines: presets, then one part an area."""
    lines = [*heading(1, "The catalogue"), *_HEAD, *heading(2, "Presets"), *_presets(known)]
    areas = [(area, list(found)) for area, found in groupby(known, key=lambda item: item.entry.area)]
    lines += table(
        ("area", "checks"),
        [(f"[{area}](#{anchor(area)})", ", ".join(_link(item) for item in found)) for area, found in areas],
    )
    for area, found in areas:
        lines += heading(2, area)
        for item in found:
            lines += _check(item)
    return lines


def _presets(known: Iterable[Known]) -> list[str]:
    rows = []
    for name in PRESET_TAGS:
        count = sum(f"{PRESET}{name}" in item.presets for item in known)
        rows.append((code(f"{PRESET}{name}"), str(count), _MEANINGS[name]))
    return table(("preset", "checks", "what is in it"), rows)


_MEANINGS = {
    "minimal": "what every server needs: the outages that cannot wait",
    "standard": "the minimal ones, and what a server in production should have",
    "full": "the standard ones, and what is worth watching where somebody has the time",
    "schema-review": "advice about tables, indexes and settings, to be read once in a while",
}


def _link(item: Known) -> str:
    return f"[{text(item.name)}](#{anchor(item.name)})"


def _check(item: Known) -> list[str]:
    job = item.job
    return [*heading(3, item.name), f"**{text(job.title)}.**", "", *paragraphs(job.description), *_facts(item), ""]


def _facts(item: Known) -> Iterator[str]:
    job = item.job
    yield from kind_lines(job) if isinstance(job.spec, CheckSpec) else (f"- Kind: {code(job.kind)}.",)
    if job.params:
        yield f"- Parameters: {listed([code(f'{name}: {value}') for name, value in job.params.items()])}."
    if job.hold.runs > 1:
        yield f"- Counts only when it is seen in {job.hold.runs} runs in a row."
    if job.hold.seconds:
        yield f"- Counts only when it lasts {show_duration(job.hold.seconds)}."
    yield f"- Runs {_SCOPES[job.scope]}; {_versions(item)}."
    if isinstance(job.spec, CheckSpec) and job.spec.sql and len(job.spec.sql.variants) > 1:
        yield f"- Has a query of its own from PostgreSQL {listed([str(major) for major in sorted(job.spec.sql.variants)])} on."
    if job.requires.grants:
        yield f"- Grant: {listed([code(name) for name in job.requires.grants])}."
    if job.precondition:
        yield "- Is unknown when its precondition says that the role cannot see enough."
    yield f"- Presets: {_names(item)}; rows: {', '.join(item.entry.rows) or 'none'}."


def _versions(item: Known) -> str:
    needed = requires_in_words(item.job.requires)
    return f"needs {needed}" if needed else "any version, primary or standby"


def _names(item: Known) -> str:
    return ", ".join(code(name.removeprefix(PRESET)) for name in item.presets) or "none"
