"""Reads sources of targets: those whose files changed by every command, the others by those that ask servers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from runner import gate
from runner.api import ConfigurationError, Fault, Query, QueryError, SourceContext, TargetError, TargetRow
from runner.config.document import parse_any
from runner.config.found import Found, found_in
from runner.config.inventory import keep_inventory, read_inventory, watched_files
from runner.config.settings import LoadedSettings
from runner.engine.database.server import Server
from runner.errors import RunnerError
from runner.model.codec import encode
from runner.model.inventory import Gone, SourceState, TargetSource, states_of
from runner.model.node import MappingNode, Node, SequenceNode, plain
from runner.model.secret import revealed
from runner.model.target import Target
from runner.plugins.guard import OverdueError, within
from runner.plugins.registry import Registry, describe, resolve
from runner.records import dataclass

KEPT_GONE = timedelta(days=1)
"""How long it is remembered that a target is gone."""
_AT_ONCE = 8
_GRACE = 5.0
"""Seconds that reading may take beyond its timeout before it is given up as hung."""


def sourced(
    loaded: LoadedSettings, registry: Registry, home: Path, now: datetime, *, ask: bool, anew: bool = False
) -> tuple[SourceState, ...]:
    """What is known of each source now. `ask` reads those that are due, not only changed files; `anew` reads all.

    What was read is kept in the state folder; where that cannot be written it is known to this process alone.
    """
    sources = loaded.settings.targets_from
    before = [state for _, state in states_of(sources, read_inventory(home / ".runner"))]
    due = [
        _due(source, state, registry, home, now, ask=ask) or anew for source, state in zip(sources, before, strict=True)
    ]
    if not any(due):
        return tuple(before)

    def look(index: int) -> SourceState:
        return _read(sources[index], before[index], loaded, registry, home, now) if due[index] else before[index]

    with ThreadPoolExecutor(min(_AT_ONCE, sum(due)), thread_name_prefix="runner-source") as pool:
        states = _without_moved(list(pool.map(look, range(len(sources)))), loaded.targets)
    _keep(home, states, ask=ask)
    return states


def next_reading(sources: Sequence[TargetSource], states: Sequence[SourceState], registry: Registry) -> datetime | None:
    """When the first of the sources is to be read again, those aside that tell by their files."""
    known = {state.name: state for state in states}
    timed = [source for source in sources if not registry.target_sources[source.type].watches]
    times = [known[source.name].next_try(source.refresh) for source in timed if source.name in known]
    return min(filter(None, times), default=None)


def faults_of(sources: Sequence[TargetSource], states: Sequence[SourceState]) -> tuple[Fault, ...]:
    """One fault for each source that is in trouble."""
    names = {source.name for source in sources}
    return tuple(
        Fault(
            where=f"targets of {state.name}",
            message=f"{state.trouble}; {state.in_use or 'none of its targets is known'}",
            hint=state.hint,
        )
        for state in states
        if state.trouble and state.name in names
    )


def _due(source: TargetSource, state: SourceState, registry: Registry, home: Path, now: datetime, *, ask: bool) -> bool:
    if registry.target_sources[source.type].watches:
        # Why it failed may be mended without a trace in the file itself.
        changed = state.digest != _digest(source) or dict(state.marks) != _marks(source, registry, home)
        return changed or bool(state.failed)
    next_try = state.next_try(source.refresh)
    # A clock that was set back must not keep a source from being read.
    overdue = next_try is None or now >= next_try or (state.tried is not None and now < state.tried)
    return ask and (overdue or state.digest != _digest(source))


def _digest(source: TargetSource) -> str:
    """Of the entry in runner.yaml; its secrets count as well."""
    said = [source.type, {key: revealed(value) for key, value in source.options.items()}, encode(source)]
    return sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _marks(source: TargetSource, registry: Registry, home: Path) -> dict[str, str]:
    return {str(path): gate.mark_of(str(path)) for path in watched_files(source, registry, home)}


# ---- reading one source


def _read(
    source: TargetSource, before: SourceState, loaded: LoadedSettings, registry: Registry, home: Path, now: datetime
) -> SourceState:
    """What is known after a try; after one that failed the targets stay as they were."""
    # Taken first: a change while the file is read is seen as one by the next look.
    tried = replace(before, tried=now, digest=_digest(source), marks=_marks(source, registry, home))
    try:
        found = _found(source, before, _rows(source, loaded, registry, home))
    except RunnerError as error:
        return replace(tried, failed=error.message, hint=error.hint, complaints=())
    except OverdueError:
        return replace(tried, failed=f"it had not answered after {source.timeout:g} s", hint="", complaints=())
    except Exception as error:
        return replace(tried, failed=f"its reader failed: {describe(error)}", hint="", complaints=())
    return replace(
        tried,
        read=now,
        failed="",
        hint="",
        complaints=found.complaints,
        targets=found.targets,
        gone=_gone(before, {target.name for target in found.targets}, now),
    )


def _found(source: TargetSource, before: SourceState, rows: Sequence[TargetRow]) -> Found:
    found = found_in(rows, source.defaults.options, before.targets)
    if not found.targets and not source.may_be_empty and (before.targets or not found.complaints):
        raise ConfigurationError("it names no target at all", hint="if that may be, add `may_be_empty: true`")
    return found


def _rows(source: TargetSource, loaded: LoadedSettings, registry: Registry, home: Path) -> Sequence[TargetRow]:
    kind = registry.target_sources[source.type]
    if kind.starts_programs and source.type not in loaded.settings.allow:
        hint = f"add `allow: [{source.type}]` to runner.yaml"
        raise ConfigurationError("it starts a program, and runner.yaml does not allow that", hint=hint)
    context: SourceContext = _Context(home=home, timeout=source.timeout, targets=loaded.targets)
    read = resolve(kind.read)
    return within(source.timeout + _GRACE, lambda: list(read(source.options, context)))


def _gone(before: SourceState, names: set[str], now: datetime) -> tuple[Gone, ...]:
    """With what is gone since the last time; who came back is not gone any more."""
    left = tuple(target.name for target in before.targets if target.name not in names)
    still = [replace(item, names=tuple(name for name in item.names if name not in names)) for item in before.gone]
    kept = [item for item in still if item.names and now - item.at < KEPT_GONE]
    return (*kept, *([Gone(at=now, names=left)] if left else []))


def _without_moved(states: Sequence[SourceState], targets: Mapping[str, Target]) -> tuple[SourceState, ...]:
    """Targets that another source or runner.yaml has now are not gone."""
    here = {*targets, *(target.name for state in states for target in state.targets)}
    return tuple(
        replace(state, gone=tuple(
            replace(item, names=left) for item in state.gone if (left := tuple(n for n in item.names if n not in here))
        ))
        for state in states
    )  # fmt: skip


def _keep(home: Path, states: Sequence[SourceState], *, ask: bool) -> None:
    folder = home / ".runner"
    with suppress(OSError):
        if ask:
            folder.mkdir(mode=0o750, exist_ok=True)
        keep_inventory(folder, states)
        gate.open_again(str(home))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Context:
    """What a source may use."""

    home: Path
    timeout: float
    targets: Mapping[str, Target]

    def ask(self, target: str, sql: str) -> Sequence[Mapping[str, object]]:
        if target not in self.targets:
            raise TargetError(f"there is no target `{target}` under `targets:`")
        server = Server(self.targets[target])
        try:
            [answer] = server.answer([Query(sql=sql, timeout=self.timeout)])
        finally:
            server.close()
        if isinstance(answer, QueryError):
            raise TargetError(f"the query on {target} failed: {answer}", hint=answer.hint)
        if answer.truncated:
            raise TargetError(f"the query on {target} gives more rows than can be read")
        return answer.dicts()

    def listed(self, text: str, name: str) -> Sequence[TargetRow]:
        if text.lstrip()[:1] in ("[", "{"):
            with suppress(ValueError, RecursionError):
                return _of_json(json.loads(text, object_pairs_hook=_unique), name)
        root, diagnostics = parse_any(text, name)
        if root is None:
            said = next((f"{item.span}: {item.message}" for item in diagnostics), f"{name} is empty")
            raise ConfigurationError(said, hint=next((item.hint for item in diagnostics), ""))
        return _of_nodes(root)


_SHAPE = "it is a list of targets with `name`, or a mapping of names to targets, if need be under `targets:`"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A name that stands twice is left to the reader of YAML, which says where."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _of_json(data: Any, name: str) -> list[TargetRow]:
    found = data["targets"] if isinstance(data, dict) and set(data) == {"targets"} else data
    items = [{"name": key, **item} if isinstance(item, dict) else item for key, item in found.items()] if isinstance(
        found, dict
    ) else found  # fmt: skip
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ConfigurationError(f"what {name} says is no list of targets", hint=_SHAPE)
    return [TargetRow(values=item, where=f"{name}, item {number}") for number, item in enumerate(items, 1)]


def _of_nodes(root: Node) -> list[TargetRow]:
    found = root.get("targets") if isinstance(root, MappingNode) and set(root) == {"targets"} else root
    if isinstance(found, SequenceNode):
        pairs = [("", item.span, item) for item in found.items]
    elif isinstance(found, MappingNode):
        pairs = [(key, entry.key_span, entry.node) for key, entry in found.entries.items()]
    else:
        pairs = [("", root.span, root)]
    rows = []
    for key, span, node in pairs:
        if not isinstance(node, MappingNode):
            raise ConfigurationError(f"{span}: this is no target", hint=_SHAPE)
        values = plain(node)
        assert isinstance(values, dict)
        rows.append(TargetRow(values={"name": key, **values} if key else values, where=str(span)))
    return rows
