"""The catalogue: checks that files take over with `use:`, from the home, from runner itself and from packs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import Any, Final

from runner.compile.layers import merge
from runner.config.assemble import JOBS, PRESETS
from runner.config.diagnostics import suggest
from runner.config.document import parse
from runner.config.files import CATALOGUE_FOLDER, JOBS_FOLDER, catalogue_files, display_name, read_text, shipped
from runner.config.nodes import text_of, texts_of, without
from runner.config.schema import Checker
from runner.errors import RunnerError
from runner.model.diagnostic import Diagnostic, Severity, Span
from runner.model.node import MappingNode, Node, SequenceNode
from runner.plugins.registry import Registry
from runner.records import dataclass

PRESET: Final = "preset."
ROWS: Final = "x-rows"
"""The key under which an entry names the rows of the list of checks that it answers."""

PRESET_TAGS: Final[Mapping[str, frozenset[str]]] = {
    "minimal": frozenset({"minimal"}),
    "standard": frozenset({"minimal", "standard"}),
    "full": frozenset({"minimal", "standard", "full"}),
    "schema-review": frozenset({"schema-review"}),
}
"""The presets that come with runner: an entry belongs to each that has one of its tags."""


def short_name(name: str) -> str:
    """`dead-rows` of `pg.dead-rows`: the part behind the last dot."""
    return name.rpartition(".")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry:
    """One check of the catalogue: its kind, its keys, and where it comes from (home, runner, or a pack)."""

    name: str
    kind: str
    source: str
    node: MappingNode
    span: Span

    @property
    def title(self) -> str:
        return text_of(self.node.get("title"), self.name)

    @property
    def short_name(self) -> str:
        """The name of a job that takes it over without giving an own one."""
        return short_name(self.name)

    @property
    def area(self) -> str:
        """The stem of its file, such as `vacuum`."""
        return PurePath(self.span.file).stem

    @property
    def tags(self) -> tuple[str, ...]:
        return texts_of(self.node.get("tags"))

    @property
    def rows(self) -> tuple[str, ...]:
        """Its rows in the list of checks, such as `B1`."""
        return texts_of(self.node.get(ROWS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All entries and presets by name; the home's own come first.

    `presets` are those that the tags make and those of the files, which are stronger. `diagnostics` are about the
    home's own files, `foreign` about all others: what is broken there matters only
    when it is used. `broken` are the names of entries that cannot be.
    """

    entries: Mapping[str, CatalogueEntry] = field(default_factory=dict)
    presets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()
    foreign: tuple[Diagnostic, ...] = ()
    broken: frozenset[str] = frozenset()
    files: tuple[Path, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict, repr=False)

    def find(self, wanted: str) -> list[CatalogueEntry]:
        """The entries of a name, a pattern or a preset. Raises RunnerError when there is none."""
        if wanted.startswith(PRESET):
            return self._of_preset(wanted)
        found = [entry for name, entry in self.entries.items() if fnmatchcase(name, wanted)]
        if wanted in self.broken:
            raise RunnerError(f"the catalogue's check `{wanted}` is broken", hint="runner catalogue list")
        if not found and not _is_pattern(wanted):
            preset = f"a preset is written `use: {PRESET}{wanted}`" if wanted in self.presets else ""
            raise RunnerError(
                f"the catalogue has no check `{wanted}`",
                hint=preset or suggest(wanted, self.entries, "catalogue check"),
            )
        if not found:
            raise RunnerError(f"no check of the catalogue matches `{wanted}`", hint="runner catalogue list")
        return found

    def _of_preset(self, wanted: str) -> list[CatalogueEntry]:
        patterns = self.presets.get(wanted.removeprefix(PRESET))
        if patterns is None:
            names = [f"{PRESET}{name}" for name in self.presets]
            raise RunnerError(f"there is no preset `{wanted}`", hint=suggest(wanted, names, "preset"))
        found = {entry.name: entry for pattern in patterns for entry in self.find(pattern)}
        return list(found.values())


def _is_pattern(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def load_catalogue(home: Path, registry: Registry, checker: Checker) -> Catalogue:
    """Reads every catalogue file; an entry of the home hides one of the same name that is shipped."""
    loader = _Loader(registry, checker, home)
    for source, files in catalogue_sources(home, registry):
        loader.files(files, source)
    return Catalogue(
        entries=loader.entries,
        presets={**_tagged(loader.entries), **loader.presets},
        diagnostics=tuple(loader.diagnostics["home"]),
        foreign=tuple(item for source, found in loader.diagnostics.items() if source != "home" for item in found),
        broken=frozenset(loader.broken - set(loader.entries)),
        files=tuple(loader.read),
        sources=loader.sources,
    )


def catalogue_sources(home: Path, registry: Registry) -> Iterator[tuple[str, list[Path]]]:
    """Whose catalogue files there are (home, runner, or a pack's name), the strongest first."""
    own = home / JOBS_FOLDER / CATALOGUE_FOLDER
    yield "home", catalogue_files(own)
    ours = shipped(JOBS_FOLDER) / CATALOGUE_FOLDER
    if not own.is_dir() or own.resolve() != ours.resolve():
        yield "runner", catalogue_files(ours)
    for pack in registry.packs:
        yield pack.name, _files_of_pack(pack.root)


def _tagged(entries: Mapping[str, CatalogueEntry]) -> dict[str, tuple[str, ...]]:
    """The presets that the tags make. A pack's checks are taken by name: installing it must not begin any."""
    ours = [entry for entry in entries.values() if entry.source in {"home", "runner"}]
    return {
        name: tuple(entry.name for entry in ours if not tags.isdisjoint(entry.tags))
        for name, tags in PRESET_TAGS.items()
    }


def _files_of_pack(root: Any) -> list[Path]:
    try:
        return sorted((item for item in root.iterdir() if item.name.endswith(".yaml")), key=lambda item: str(item.name))
    except (OSError, AttributeError):
        return []


class _Loader:
    """Gathers entries file by file."""

    def __init__(self, registry: Registry, checker: Checker, home: Path) -> None:
        self._registry = registry
        self._checker = checker
        self._home = home
        self.entries: dict[str, CatalogueEntry] = {}
        self.presets: dict[str, tuple[str, ...]] = {}
        self.diagnostics: dict[str, list[Diagnostic]] = {"home": []}
        self.broken: set[str] = set()
        self.read: list[Path] = []
        self.sources: dict[str, str] = {}

    def files(self, paths: Iterable[Path], source: str) -> None:
        for path in paths:
            name = display_name(path, self._home) if isinstance(path, Path) else f"{source}/{path.name}"
            file = read_text(path, name)
            self.read.append(path)
            self.diagnostics.setdefault(source, []).extend(file.diagnostics)
            if file.text is not None:
                self._document(file.text, name, source)

    def _document(self, text: str, name: str, source: str) -> None:
        document = parse(text, name)
        self.sources[name] = text
        self.diagnostics[source].extend(document.diagnostics)
        if document.root is None:
            return
        complaints = self._checker.complaints(document.root)
        self.diagnostics[source].extend(item.diagnostic for item in complaints)
        broken = {item.path[1] for item in complaints if item.path[:1] == (JOBS,) and len(item.path) > 1}
        if any(item.path[:1] != (JOBS,) for item in complaints):
            return
        self._presets(document.root.get(PRESETS))
        for entry in self._entries(document.root, source, broken):
            self._add(entry)

    def _presets(self, node: Node | None) -> None:
        if isinstance(node, MappingNode):
            for name, entry in node.entries.items():
                self.presets.setdefault(name, texts_of(entry.node))

    def _entries(self, root: MappingNode, source: str, broken: set[str | int]) -> Iterator[CatalogueEntry]:
        items = root.get(JOBS)
        shared = without(root, (JOBS, PRESETS, "title", "description"))
        nodes = [merge((shared, item)) for item in items.items if isinstance(item, MappingNode)] \
            if isinstance(items, SequenceNode) else [root]  # fmt: skip
        for index, node in enumerate(nodes):
            kind = next((name for name in self._registry.kinds if name in node), "")
            name = text_of(node.get(kind)) if kind else ""
            if index in broken:
                self.broken.add(name)
            elif name:
                yield CatalogueEntry(
                    name=name, kind=kind, source=source, node=without(node, (kind,)), span=node.key_span(kind)
                )

    def _add(self, entry: CatalogueEntry) -> None:
        rival = self.entries.get(entry.name)
        if rival is None:
            self.entries[entry.name] = entry
        elif rival.source == entry.source:
            message = f"the catalogue has `{entry.name}` twice; the first is at {rival.span}"
            diagnostic = Diagnostic(
                code="duplicate-job",
                span=entry.span,
                message=message,
                hint="rename one of them",
                severity=Severity.ERROR,
            )
            self.diagnostics[entry.source].append(diagnostic)
