"""From documents to the sources of jobs: one per file, several under `jobs:`, or taken from the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import field

from runner.compile.catalogue import Catalogue, CatalogueEntry, short_name
from runner.compile.layers import merge, split
from runner.config.assemble import JOBS, USE
from runner.config.job_keys import COMMON_KEYS, OPERATIONAL_KEYS
from runner.config.nodes import only, text_of, texts_of, without
from runner.config.prune import Path
from runner.config.schema import Complaint
from runner.errors import RunnerError
from runner.model.diagnostic import Diagnostic, Span
from runner.model.node import MappingNode, SequenceNode
from runner.model.suggest import nearest
from runner.plugins.registry import Registry
from runner.records import dataclass

_GROUP_KEYS = frozenset({"title", "description", JOBS, "presets"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A job before it is compiled: its keys from all layers, and the place of its name."""

    name: str
    kind: str
    group: str
    span: Span
    node: MappingNode
    order: int
    is_trial: bool = False
    """True for a job with wrong keys: the others are looked at all the same, and the job is not used."""


@dataclass(slots=True)
class Expansion:
    """The sources of one file, what was wrong, and the names of jobs that could not be used."""

    group: str
    title: str
    sources: list[Source] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)


class Expander:
    """Expands documents; the catalogue is read when the first `use:` is met."""

    def __init__(self, registry: Registry, defaults: MappingNode, catalogue: Callable[[], Catalogue]) -> None:
        self._registry = registry
        self._defaults = defaults
        self._catalogue = catalogue

    def expand(self, group: str, root: MappingNode, complaints: list[Complaint]) -> Expansion:
        """The sources of one document that the schema has looked at; items with complaints are left out."""
        result = Expansion(group, text_of(root.get("title"), group))
        result.diagnostics.extend(item.diagnostic for item in complaints)
        items = root.get(JOBS)
        if not isinstance(items, SequenceNode):
            wrong = [item.path for item in complaints]
            self._item(MappingNode({}, root.span), root, 0, result, wrong=wrong)
            result.broken.update({group} if complaints else ())
            return result
        shared = without(root, _GROUP_KEYS)
        bad_file = any(item.path[:1] != (JOBS,) or len(item.path) == 1 for item in complaints)
        for index, item in enumerate(items.items):
            if isinstance(item, MappingNode):
                wrong = [found.path[2:] for found in complaints if found.path[:2] == (JOBS, index)]
                self._item(shared, item, index, result, wrong=[(), *wrong] if bad_file else wrong)
        if bad_file:
            result.broken.add(group)
        return result

    def _item(
        self, shared: MappingNode, item: MappingNode, index: int, result: Expansion, *, wrong: Sequence[Path]
    ) -> None:
        """`wrong` are the paths, within the item, of what the schema complained about."""
        kind = self._kind_of(item)
        name = text_of(item.get(kind)) if kind else ""
        if wrong:
            result.broken.update(filter(None, (name or short_name(text_of(item.get(USE))),)))
        if USE in item and not wrong:
            self._use(shared, item, index, result)
        elif kind and USE not in item and not _would_cascade(wrong, self._known(kind)):
            kept = without(item, [str(path[0]) for path in wrong])
            node = _merged([self._defaults, self._fitting(shared, kind), kept], item.key_span(kind))
            result.sources.append(
                Source(
                    name=name,
                    kind=kind,
                    group=result.group,
                    span=node.span,
                    node=node,
                    order=index,
                    is_trial=bool(wrong),
                )
            )

    def _known(self, kind: str) -> set[str]:
        return {*COMMON_KEYS, *self._registry.kinds[kind].options}

    def _kind_of(self, item: MappingNode) -> str:
        return next((key for key in item.entries if key in self._registry.kinds), "")

    def _fitting(self, shared: MappingNode, kind: str) -> MappingNode:
        """Of a file's shared keys, those that this kind of job has."""
        return only(shared, self._known(kind))

    def _use(self, shared: MappingNode, item: MappingNode, index: int, result: Expansion) -> None:
        wanted = item.entries[USE].node
        try:
            found = self._catalogue().find(text_of(wanted))
        except RunnerError as error:
            code = "empty-pattern" if "matches" in error.message else "unknown-catalogue"
            result.diagnostics.append(Diagnostic(code=code, span=wanted.span, message=error.message, hint=error.hint))
            result.broken.add(short_name(text_of(wanted)))
            return
        kind = self._kind_of(item)
        if kind and len(found) > 1:
            message = f"`{text_of(wanted)}` stands for {len(found)} checks, which cannot all have this name"
            hint = "remove the name, or write one `use:` for each"
            result.diagnostics.append(
                Diagnostic(code="bad-value", span=item.key_span(kind), message=message, hint=hint)
            )
            result.broken.add(text_of(item.get(kind)))
            return
        for entry in found:
            if not self._complain_about_keys(entry, item, kind, result):
                self._take(entry, shared, item, index, result)

    def _complain_about_keys(self, entry: CatalogueEntry, item: MappingNode, kind: str, result: Expansion) -> bool:
        """Keys of another kind of job than the catalogue's; true when there are any."""
        known = {*COMMON_KEYS, *self._registry.kinds[entry.kind].options, USE, "without", entry.kind}
        wrong = [key for key in item.entries if key not in known and not key.startswith("x-")]
        for key in wrong:
            message = f"`{entry.name}` is a {entry.kind}, which has no key `{key}`"
            hint = f"name it with `{entry.kind}:`" if key == kind else ""
            result.diagnostics.append(
                Diagnostic(code="unknown-key", span=item.key_span(key), message=message, hint=hint)
            )
        if wrong:
            result.broken.add(text_of(item.get(kind), entry.short_name))
        return bool(wrong)

    def _take(
        self, entry: CatalogueEntry, shared: MappingNode, item: MappingNode, index: int, result: Expansion
    ) -> None:
        kind = entry.kind
        # What a check looks at is the catalogue's unless it is written beside `use:`; when, where and for whom it
        # runs is the file's.
        operational, others = split(self._fitting(shared, kind), OPERATIONAL_KEYS)
        kept = without(entry.node, texts_of(item.get("without")))
        own = without(item, (USE, "without"))
        span = item.key_span(kind) if kind in item else item.entries[USE].node.span
        node = _merged([self._defaults, others, kept, operational, own], span)
        name = text_of(item.get(kind), entry.short_name)
        result.sources.append(Source(name=name, kind=kind, group=result.group, span=span, node=node, order=index))


# What other keys speak of: without it they would be blamed for what is wrong here.
_SPOKEN_OF = frozenset(
    {"columns", "params", "key", "computed", "sql", "probe", "with", "measure", "steps", "run", "shell"}
)


def _would_cascade(wrong: Sequence[Path], known: Collection[str]) -> bool:
    """Whether looking at the job without its wrong keys would tell the same mistake again in other words."""
    keys = [str(path[0]) if path else "" for path in wrong]
    meant = {key if key in known else nearest(key, known) for key in keys}
    return "" in keys or not meant.isdisjoint(_SPOKEN_OF)


def _merged(layers: list[MappingNode], span: Span) -> MappingNode:
    """All layers in one, standing where the job's name stands."""
    return MappingNode(merge(layers).entries, span)


def repeated(sources: list[Source]) -> Iterator[tuple[Source, Source]]:
    """Pairs of a job and the first one that has its name."""
    first: dict[str, Source] = {}
    for source in sources:
        if source.name in first:
            yield source, first[source.name]
        else:
            first[source.name] = source
