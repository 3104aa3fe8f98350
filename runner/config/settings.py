"""runner.yaml to settings and targets; what is wrong is left out and complained about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final, Literal, cast

from runner.config.assemble import runner_schema
from runner.config.environment import DEFAULT_FILES, Environment, load_environment
from runner.config.executor_keys import read_executor
from runner.config.files import SETTINGS_FILE
from runner.config.interpolate import Interpolator
from runner.config.nodes import coerced, duration_at, text_of, texts_of, value_of
from runner.config.prune import each_part, pruned
from runner.config.schema import Checker
from runner.config.selectors import read_selector
from runner.config.settings_file import settings_document
from runner.config.source_keys import read_sources
from runner.config.targets import read_targets
from runner.errors import ScheduleError
from runner.model.diagnostic import Diagnostic, Severity, Span
from runner.model.home import Route, Send, Settings, Silence, SinkSettings
from runner.model.inventory import TargetSource
from runner.model.job import Window
from runner.model.node import Entry, MappingNode, Node, Scalar, SequenceNode
from runner.model.quantity import show_duration
from runner.model.secret import Secret
from runner.model.target import Target
from runner.plugins.registry import Registry
from runner.records import dataclass
from runner.schedule import parse_window, zone

_EMPTY: Final = MappingNode({})
_SINK_KEYS: Final = frozenset({"type", "send", "format", "timeout"})
DEFAULT_SINKS: Final = {
    "stdout": SinkSettings(
        name="stdout", type="stdout", send=("critical", "warning", "unknown", "recovered"), format="text"
    ),
    "log": SinkSettings(name="log", type="log_file", options={"path": ".runner/runner.log"}, format="text"),
}

_DURATIONS: Final = frozenset({"catch_up", "spread", "timeout", "statement_timeout", "lock_timeout", "remind_every"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSettings:
    """What runner.yaml and the environment say.

    `root` is the usable part of the file, `declared` the names per section, broken ones included.
    """

    settings: Settings
    targets: Mapping[str, Target]
    environment: Environment
    defaults: MappingNode = _EMPTY
    root: MappingNode = _EMPTY
    declared: Mapping[str, frozenset[str]] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()
    secrets: tuple[Secret, ...] = ()
    files: tuple[Path, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict, repr=False)


def load_settings(home: Path, registry: Registry, environ: Mapping[str, str]) -> LoadedSettings:
    """Reads runner.yaml and the env files; without a file the built-in values hold."""
    document = settings_document(home)
    root = document.root or _EMPTY
    environment = load_environment(home, _env_files(root, home, environ), environ)
    interpolator = Interpolator(environment=environment, home=home, sources=registry.secret_sources)
    values, unset = each_part(root, interpolator.node, lambda: len(interpolator.diagnostics))
    values = _coerced_executor(_coerced_sinks(values, registry), registry)
    complaints = Checker(runner_schema(registry)).complaints(values)
    usable = pruned(values, [*unset, *(item.path for item in complaints)])
    reader = _Reader(usable)
    elsewhere = isinstance(root.get("targets_from"), SequenceNode)
    targets = read_targets(usable.get("targets"), environment, reader.diagnostics.append, elsewhere=elsewhere)
    settings = replace(reader.settings(registry), targets_from=reader.sources(registry, targets))
    return LoadedSettings(
        settings=settings,
        targets=targets,
        environment=environment,
        defaults=reader.sound_defaults(),
        root=usable,
        declared=_declared(root, settings, targets),
        diagnostics=(
            *document.diagnostics,
            *environment.diagnostics,
            *interpolator.diagnostics,
            *_outside(interpolator.diagnostics, [item.diagnostic for item in complaints]),
            *reader.diagnostics,
        ),
        secrets=(*interpolator.secrets, *_secrets_of(targets), *_secrets_of_options(settings)),
        files=(home / SETTINGS_FILE, *environment.files),
        sources={document.file: document.text},
    )


def _env_files(root: MappingNode, home: Path, environ: Mapping[str, str]) -> tuple[str, ...]:
    node = root.get("env_files")
    if node is None:
        return DEFAULT_FILES
    # Complaints are made when the whole file is interpolated.
    return texts_of(Interpolator(environment=Environment(real=environ), home=home).node(node))


def _outside(unset: list[Diagnostic], complaints: list[Diagnostic]) -> list[Diagnostic]:
    """A value that could not be put together is not judged as well."""
    places = {(item.span.file, item.span.line) for item in unset}
    return [item for item in complaints if (item.span.file, item.span.line) not in places or item.code == "unknown-key"]


def _coerced_sinks(root: MappingNode, registry: Registry) -> MappingNode:
    sinks = root.get("sinks")
    if not isinstance(sinks, MappingNode):
        return root
    entries: dict[str, Entry] = {}
    for name, entry in sinks.entries.items():
        kind = registry.sinks.get(text_of(entry.node.get("type"))) if isinstance(entry.node, MappingNode) else None
        changed = coerced(entry.node, kind.options) if kind and isinstance(entry.node, MappingNode) else entry.node
        entries[name] = Entry(entry.key_span, changed)
    replaced = Entry(root.key_span("sinks"), MappingNode(entries, sinks.span))
    return MappingNode({**root.entries, "sinks": replaced}, root.span)


def _coerced_executor(root: MappingNode, registry: Registry) -> MappingNode:
    node = root.get("executor")
    kind = registry.executors.get(text_of(node.get("type"))) if isinstance(node, MappingNode) else None
    if kind is None or not isinstance(node, MappingNode):
        return root
    replaced = Entry(root.key_span("executor"), coerced(node, kind.options))
    return MappingNode({**root.entries, "executor": replaced}, root.span)


def _mapping(node: Node | None) -> MappingNode:
    return node if isinstance(node, MappingNode) else _EMPTY


def _items(node: Node | None) -> tuple[MappingNode, ...]:
    return tuple(map(_mapping, node.items)) if isinstance(node, SequenceNode) else ()


def _declared(root: MappingNode, settings: Settings, targets: Mapping[str, Target]) -> dict[str, frozenset[str]]:
    used = {"targets": targets, "sinks": settings.sinks, "windows": settings.windows}
    return {section: frozenset({*_mapping(root.get(section)), *names}) for section, names in used.items()}


def _secrets_of_options(settings: Settings) -> Iterator[Secret]:
    """Options that are secrets, wherever they come from; of an address also the tokens that stand in it."""
    options = [sink.options for sink in settings.sinks.values()]
    for some in (*options, *([settings.executor.options] if settings.executor else [])):
        for value in some.values():
            if isinstance(value, Secret):
                yield value
                if "://" in value.reveal():
                    from runner.net.address import tokens

                    yield from tokens(value.reveal())


def _secrets_of(targets: Mapping[str, Target]) -> list[Secret]:
    return [value for target in targets.values() for value in target.options.values() if isinstance(value, Secret)]


class _Reader:
    """Reads a document that the schema has accepted."""

    def __init__(self, root: MappingNode) -> None:
        self._root = root
        self._defaults = _mapping(root.get("defaults"))
        self.diagnostics: list[Diagnostic] = []
        self._built_in = Settings()
        self._timezone = self._zone(self._defaults.get("timezone"), self._built_in.timezone)

    def settings(self, registry: Registry) -> Settings:
        built_in, root = self._built_in, self._root
        samples, hourly, daily, runs = self._retention(_mapping(root.get("retention")))
        windows = self._windows()
        return Settings(
            state=text_of(root.get("state"), built_in.state),
            timezone=self._timezone,
            statement_timeout=self._seconds(self._defaults, "statement_timeout", built_in.statement_timeout),
            lock_timeout=self._seconds(self._defaults, "lock_timeout", built_in.lock_timeout),
            remind_every=self._seconds(self._defaults, "remind_every", built_in.remind_every),
            allow=frozenset(texts_of(root.get("allow"))),
            sinks=self._sinks(registry),
            routes=tuple(map(self._route, _items(root.get("routes")))),
            windows=windows,
            silences=tuple(filter(None, map(self._silence, _items(root.get("silences"))))),
            crontab_marker=text_of(_mapping(root.get("crontab")).get("marker"), built_in.crontab_marker),
            connections=int(cast("Any", value_of(root.get("connections"))) or built_in.connections),
            keep_samples=samples,
            keep_hourly=hourly,
            keep_daily=daily,
            keep_runs=runs,
            executor=read_executor(root.get("executor"), registry, self.diagnostics.append),
            plugins_disabled=texts_of(_mapping(root.get("plugins")).get("disabled")),
        )

    def sources(self, registry: Registry, targets: Mapping[str, Target]) -> tuple[TargetSource, ...]:
        """Where more targets stand."""
        allowed = texts_of(self._root.get("allow"))
        return read_sources(self._root.get("targets_from"), registry, allowed, targets, self.diagnostics.append)

    def sound_defaults(self) -> MappingNode:
        """The defaults of jobs without those that cannot be read: one mistake must not take every job with it."""
        entries = self._defaults.entries
        sound = {key: entry for key, entry in entries.items() if self._is_sound(key, entry.node)}
        return MappingNode(sound, self._defaults.span)

    def _is_sound(self, key: str, node: Node) -> bool:
        before = len(self.diagnostics)
        if key == "timezone":
            self._zone(node, "")
        elif key == "retry":
            self._seconds(_mapping(node), "wait", 0.0)
        elif key in _DURATIONS and value_of(node) not in ("no", False):
            self._seconds(self._defaults, key, 0.0)
        return len(self.diagnostics) == before

    def _retention(self, node: MappingNode) -> tuple[float, float, float, float]:
        """What is not written follows what is: neither hours nor days end before what they are made of."""
        built_in = self._built_in
        samples = self._seconds(node, "samples", built_in.keep_samples)
        daily = self._seconds(node, "daily", max(built_in.keep_daily, samples))
        hourly = self._seconds(node, "hourly", max(samples, min(built_in.keep_hourly, daily)))
        self._not_shorter(node, "hourly", hourly, "samples", samples)
        self._not_shorter(
            node, "daily", daily, *(("hourly", hourly) if "hourly" in node.entries else ("samples", samples))
        )
        hourly = max(hourly, samples)
        return samples, hourly, max(daily, hourly), self._seconds(node, "runs", built_in.keep_runs)

    def _not_shorter(self, node: MappingNode, key: str, seconds: float, finer: str, finer_seconds: float) -> None:
        if key not in node.entries or seconds >= finer_seconds:
            return
        known = "" if finer in node.entries else ", its default"
        message = (
            f"`{key}` ({show_duration(seconds)}) is shorter than `{finer}` ({show_duration(finer_seconds)}{known}), "
            "from which it is made"
        )
        hint = f"write `{key}: {_written(finer_seconds)}` or longer, or a shorter `{finer}`"
        self.diagnostics.append(
            Diagnostic(code="bad-value", span=node.entries[key].node.span, message=message, hint=hint)
        )

    def _sinks(self, registry: Registry) -> dict[str, SinkSettings]:
        node = self._root.get("sinks")
        if not isinstance(node, MappingNode):
            return {name: sink for name, sink in DEFAULT_SINKS.items() if sink.type in registry.sinks}
        return {
            name: self._sink(name, _mapping(entry.node), entry.key_span, registry)
            for name, entry in node.entries.items()
        }

    def _sink(self, name: str, node: MappingNode, span: Span, registry: Registry) -> SinkSettings:
        kind = registry.sinks[text_of(node.get("type"))]
        if kind.starts_programs and kind.type not in texts_of(self._root.get("allow")):
            self.diagnostics.append(_not_allowed(name, kind.type, span))
        built_in = SinkSettings(name=name, type=kind.type)
        return SinkSettings(
            name=name,
            type=kind.type,
            options={
                key: _guarded(entry.node, kind.options.get(key, {}))
                for key, entry in node.entries.items()
                if key not in _SINK_KEYS and not key.startswith("x-")
            },
            send=cast("tuple[Send, ...]", texts_of(node.get("send"), built_in.send)),
            says_send=node.get("send") is not None,
            format=text_of(node.get("format"), kind.default_format if kind.accepts_format else ""),
            timeout=self._seconds(node, "timeout", built_in.timeout),
            span=span,
        )

    def _route(self, node: MappingNode) -> Route:
        # Only problems grow old.
        states = ("problems", "recovered") if "lasting" in node else ("all",)
        return Route(
            sinks=texts_of(node.get("sinks")),
            groups=texts_of(node.get("groups"), ("*",)),
            jobs=texts_of(node.get("jobs"), ("*",)),
            tags=texts_of(node.get("tags")),
            states=cast("tuple[Send, ...]", texts_of(node.get("states"), states)),
            targets=read_selector(node.get("targets")),
            lasting=self._seconds(node, "lasting", 0.0),
            quiet=text_of(node.get("quiet")),
            span=node.key_span("sinks"),
        )

    def _windows(self) -> dict[str, Window]:
        found: dict[str, Window] = {}
        for name, entry in _mapping(self._root.get("windows")).entries.items():
            node = _mapping(entry.node)
            timezone = self._zone(node.get("timezone"), self._timezone)
            begin, end = text_of(node.get("from"), "00:00"), text_of(node.get("to"), "00:00")
            try:
                found[name] = parse_window(name, begin, end, texts_of(node.get("days")), timezone)
            except ScheduleError as error:
                self._complain(entry.key_span, error)
        return found

    def _silence(self, node: MappingNode) -> Silence | None:
        until = node.get("until")
        span = node.key_span("jobs")
        if until is None and node.get("window") is None:
            hint = "add `until:` with a date, or `window:` with the name of a window"
            message = "a silence needs an end"
            self.diagnostics.append(Diagnostic(code="missing-key", span=span, message=message, hint=hint))
            return None
        try:
            return Silence(
                jobs=texts_of(node.get("jobs")),
                reason=text_of(node.get("reason")),
                until=_until(text_of(until), self._timezone) if until else None,
                window=text_of(node.get("window")),
                targets=read_selector(node.get("targets")),
                runs=cast('Literal["continue", "skip"]', text_of(node.get("runs"), "continue")),
                span=span,
            )
        except ScheduleError as error:
            self._complain(until.span if until else span, error)
            return None

    def _seconds(self, node: MappingNode, key: str, default: float) -> float:
        return duration_at(node, key, default, self.diagnostics.append)

    def _zone(self, node: Node | None, default: str) -> str:
        if not isinstance(node, Scalar):
            return default
        try:
            zone(node.text)
        except ScheduleError as error:
            self._complain(node.span, error)
            return default
        return node.text

    def _complain(self, span: Span, error: ScheduleError) -> None:
        diagnostic = Diagnostic(
            code="bad-schedule", span=span, message=error.message, hint=error.hint, severity=Severity.ERROR
        )
        self.diagnostics.append(diagnostic)


def _not_allowed(sink: str, kind: str, span: Span) -> Diagnostic:
    return Diagnostic(
        code="command-not-allowed",
        span=span,
        message=f"the sink `{sink}` starts a program, and runner.yaml does not allow that; it will be refused",
        hint=f"add `allow: [{kind}]` to runner.yaml",
        severity=Severity.WARNING,
    )


def _written(seconds: float) -> str:
    """As it can stand in the file."""
    days = seconds / 86400
    return f"{days:.0f}d" if days >= 1 and days.is_integer() else f"{seconds:.0f}s"


def _guarded(node: Node, schema: Mapping[str, Any]) -> object:
    value = value_of(node)
    # The JSON Schema word for what is written and never shown again.
    return Secret(value) if schema.get("writeOnly") and isinstance(value, str) else value


def _until(text: str, timezone: str) -> datetime:
    """The end of a day, or a time, in the home's time zone. Raises ScheduleError."""
    try:
        if len(text) <= len("2027-01-31"):
            moment = datetime.combine(date.fromisoformat(text) + timedelta(days=1), time())
        else:
            moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        hint = "write 2027-01-31 (that day included) or 2027-01-31 18:00"
        raise ScheduleError(f"`{text}` is not a date", hint=hint) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone(timezone))
