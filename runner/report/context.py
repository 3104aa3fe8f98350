"""What a sink is handed: its name and limits, the formats, and the process's standard output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from runner.api import Format, Options, PluginError, Report, RetryableSinkError, Sink, SinkType
from runner.model.home import Home, SinkSettings
from runner.model.suggest import did_you_mean
from runner.plugins.registry import Registry, resolve
from runner.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Templates:
    """The folders in which a home keeps its own templates."""

    templates: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeSinkContext:
    """The SinkContext of one sink of a home."""

    name: str
    home: Path
    state_dir: Path
    timeout: float
    dry_run: bool
    formats: Mapping[str, Format]
    stdout: Callable[[str], object]
    options: Options = field(default_factory=dict)

    def format(self, name: str, **options: object) -> Callable[[Report], str]:
        """The renderer of a registered format, with what the sink's settings say of it.

        Raises PluginError when there is none of that name.
        """
        known = self.formats[name].options if name in self.formats else ()
        settled = {key: self.options[key] for key in known if key in self.options}
        return renderer(self.formats, name, {**settled, **options}, self.home)

    def format_of(self, name: str) -> Format:
        """Raises PluginError when there is none of that name."""
        found: Format = _named("format", name, self.formats)
        return found

    def write_stdout(self, text: str) -> None:
        self.stdout(text)


def renderer(formats: Mapping[str, Format], name: str, options: Options, home: Path) -> Callable[[Report], str]:
    """A format as a function from a report to text; raises PluginError when there is none of that name."""
    found = _named("format", name, formats)
    render = resolve(found.render)
    templates = Templates(templates=(home / "templates",))

    def rendered(report: Report) -> str:
        text = render(report, options, templates)
        if not isinstance(text, str):
            raise PluginError(f"the format `{name}` returned {type(text).__name__} where text belongs")
        return text

    return rendered


def open_sink(
    settings: SinkSettings, home: Home, registry: Registry, stdout: Callable[[str], object], *, dry_run: bool = False
) -> Sink:
    """A sink that is ready to emit.

    Raises PluginError for an unknown type, RetryableSinkError for one that is not allowed, and what its opener raises.
    """
    kind = _named("sink type", settings.type, registry.sinks)
    if kind.starts_programs and kind.type not in home.settings.allow:
        message = f"the sink `{settings.name}` starts a program, and runner.yaml does not allow that"
        raise RetryableSinkError(message, hint=f"add `allow: [{kind.type}]` to runner.yaml")
    context = HomeSinkContext(
        name=settings.name,
        home=home.path,
        state_dir=home.state_dir,
        timeout=settings.timeout,
        dry_run=dry_run,
        formats=registry.formats,
        stdout=stdout,
        options=settings.options,
    )
    opened: Sink = resolve(kind.open)(sink_options(settings, kind), context)
    return opened


def sink_options(settings: SinkSettings, kind: SinkType) -> Mapping[str, Any]:
    """The sink's options; a type that writes formats always finds a `format` among them."""
    if not kind.accepts_format:
        return settings.options
    chosen = settings.format or settings.options.get("format") or kind.default_format
    return {**settings.options, "format": chosen}


def _named(noun: str, name: str, known: Mapping[str, Any]) -> Any:
    if name in known:
        return known[name]
    choices = ", ".join(f"`{item}`" for item in known)
    hint = did_you_mean(name, known) or f"there is {choices}; `runner plugins list` names what was refused"
    raise PluginError(f"there is no {noun} `{name}`", hint=hint)
