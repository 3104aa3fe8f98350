"""The targets that sources gave last, kept in the state folder, and what they add to runner.yaml."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from runner.config.dsn import SECRET_KEYWORDS
from runner.config.files import below
from runner.config.private_file import read_private, write_private
from runner.config.settings import LoadedSettings
from runner.model.codec import decode, encode
from runner.model.diagnostic import Diagnostic, Severity
from runner.model.inventory import SourceState, TargetSource, states_of, target_of
from runner.model.secret import Secret
from runner.model.target import Target
from runner.plugins.registry import Registry

FILE: Final = "targets.json"
_FORMAT: Final = 1


def read_inventory(state_dir: Path) -> tuple[SourceState, ...]:
    """What was kept; nothing when there is no file, or when somebody else may write to it."""
    try:
        kept = json.loads(read_private(state_dir / FILE))
        return tuple(decode(SourceState, item) for item in kept["sources"]) if kept["format"] == _FORMAT else ()
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def keep_inventory(state_dir: Path, states: Iterable[SourceState]) -> None:
    """Writes it for this user alone. Raises OSError."""
    text = json.dumps({"format": _FORMAT, "sources": [encode(item) for item in states]}, ensure_ascii=False)
    write_private(state_dir / FILE, text)


def watched_files(source: TargetSource, registry: Registry, home: Path) -> list[Path]:
    """The files whose change makes the source worth reading."""
    return [below(home, str(source.options[key])) for key in registry.target_sources[source.type].watches]


def with_inventory(
    loaded: LoadedSettings, states: Iterable[SourceState], registry: Registry, home: Path
) -> LoadedSettings:
    """The settings with the targets that the sources are known to have; what is wrong with them is a warning."""
    targets = dict(loaded.targets)
    complaints: list[Diagnostic] = []
    files: list[Path] = []
    for source, state in states_of(loaded.settings.targets_from, states):
        complaints += _complaints(source, state)
        files += watched_files(source, registry, home)
        for found in state.targets:
            if found.name in targets:
                complaints.append(_twice(source, found.where, targets[found.name]))
            else:
                targets[found.name] = target_of(found, source, SECRET_KEYWORDS)
    names = loaded.declared["targets"] | targets.keys()
    return replace(
        loaded,
        targets=targets,
        declared={**loaded.declared, "targets": names},
        diagnostics=(*loaded.diagnostics, *complaints),
        secrets=tuple(dict.fromkeys((*loaded.secrets, *_secrets(targets)))),
        files=tuple(dict.fromkeys((*loaded.files, *files))),
    )


def _secrets(targets: Mapping[str, Target]) -> Iterator[Secret]:
    for target in targets.values():
        yield from (value for value in target.options.values() if isinstance(value, Secret))


def _complaints(source: TargetSource, state: SourceState) -> Iterator[Diagnostic]:
    if state.read is None and not state.failed:
        message = f"the source of targets `{source.name}` was not asked yet, so its targets are not known"
        yield _warning(source, message, "runner targets --refresh")
    elif state.failed:
        kept = f"; {state.in_use}" if state.in_use else ""
        yield _warning(
            source, f"the source of targets `{source.name}` cannot be read: {state.failed}{kept}", state.hint
        )
    for complaint in state.complaints:
        yield _warning(source, f"the source of targets `{source.name}`: {complaint}")


def _twice(source: TargetSource, where: str, first: Target) -> Diagnostic:
    whose = f"the source `{first.source}`" if first.source else "runner.yaml"
    message = f"the source of targets `{source.name}`: {where}: the target `{first.name}` is there already ({whose})"
    return _warning(source, message, "rename one of them; the name identifies a target's history")


def _warning(source: TargetSource, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic(code="target-source", span=source.span, message=message, hint=hint, severity=Severity.WARNING)
